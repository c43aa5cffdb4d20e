/** What can go wrong when channels are paced. */
import { defineError } from '../../schemas/coded-error.ts'

export const ChannelRuleInvalid = defineError({
  code: 'IG_ERR_CHANNEL_RULE_INVALID',
  message: 'channel rule %j cannot be followed: %s',
  hint: 'Write <node>/channel/<code>[/<channel>]=on, =off or =<interval>, with + for any level of the node: north/+/channel/traffic.queue/live=5s',
  blame: 'operator',
  retry: 'never',
})
