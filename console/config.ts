/** What `config.json` beside the page says of its broker. It is public: there is no secret in it. */
export interface ConsoleConfig {
  /** Address of the WebSocket; a path is one on the page's own server. */
  readonly broker: string;
  /** The API for backends, at `/api` on the page's own server; absent where the broker has none. */
  readonly api?: {
    /** For which address requests are signed, if it is another than the page's: what is in between replaces `Host`. */
    readonly url?: string;
    readonly region: string;
  };
  /** Whether the page comes from the local cloud, which has known keys and a bill. */
  readonly local?: true;
}
