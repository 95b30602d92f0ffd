/** Content of `config.json` beside the page. The file is public and contains no secret. */
export interface ConsoleConfig {
  /** Address of the WebSocket, absolute or as a path on the origin of the page. */
  readonly broker: string;
  /** API for backends, at `/api` on the origin of the page; absent if the broker is deployed without it. */
  readonly api?: {
    /** Address for the signature of requests, if CloudFront between page and API replaces the `Host` header. */
    readonly url?: string;
    readonly region: string;
  };
  /** True if the local cloud serves the page: it has fixed credentials and a bill. */
  readonly local?: true;
}
