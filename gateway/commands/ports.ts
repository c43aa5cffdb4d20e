/** What the commands room needs of others: a way to a device. */

export interface CommandOutlet {
  /**
   * Publishes to one device at QoS 1, never retained, never queued: `offline` when it is not connected and
   * subscribed now, `delivered` on its PUBACK, `timeout` when that did not come in time. Subscribed
   * control centers see a copy.
   */
  deliver(
    node: string,
    topic: string,
    payload: Uint8Array,
    timeoutMs: number,
  ): Promise<'delivered' | 'offline' | 'timeout'>
  isReachable(node: string): boolean
}
