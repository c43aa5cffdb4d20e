/** Does an MQTT filter match a topic? [MQTT-4.7] `+` is one level, a `#` at the end is any number, none included. */
export function matchesFilter(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false // [MQTT-4.7.2-1]
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true
    if (at >= levels.length) return false
    if (level !== '+' && level !== levels[at]) return false
  }
  return wanted.length === levels.length
}
