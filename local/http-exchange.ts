/** A request, apart from the way it came. Header names are lower case. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** In place of an answer: the caller is being killed and must not hear any more. A closed socket would make it try again before. */
export const silence = Symbol('silence');

export type Reply = HttpAnswer | typeof silence;
