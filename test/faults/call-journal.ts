import { callerIn } from '../../local/aws-call';
import { type HttpRequest, noReply, type Reply } from '../../local/http-exchange';

/** Maximum characters shown of a row or of any other value. */
const shown = 600;

interface Entry {
  readonly at: number;
  readonly caller: string;
  readonly operation: string;
  readonly asked: string;
  readonly answered: string;
}

/** What containers asked of AWS in a storm, so that one that went wrong can be explained. */
export class CallJournal {
  private readonly entries: Entry[] = [];

  readonly observe = ({ method, url, headers, body }: HttpRequest, reply: Reply): void => {
    this.entries.push({
      at: Date.now(),
      caller: callerIn(String(headers.authorization)),
      operation: String(headers['x-amz-target'] ?? `${method} ${url}`),
      asked: body.toString(),
      answered: reply === noReply ? 'no answer' : `${reply.status} ${reply.body}`,
    });
  };

  /** Returns every call that concerns a message: by its topic and payload, or by the ids and slots under which it was stored. */
  about(topic: string, payload: string): string {
    const name = JSON.stringify(topic);
    const content = JSON.stringify(Buffer.from(payload).toString('base64'));
    const isIt = (text: string) => text.includes(name) && text.includes(content);
    const rows = this.entries.flatMap(({ asked, answered }) => [...rowsIn(asked), ...rowsIn(answered)]);
    const names = new Set(rows.filter(isIt).flatMap((row) => [idIn(row), slotIn(row)].filter((found) => found !== '')));
    const isAbout = (text: string) => isIt(text) || [...names].some((found) => text.includes(found));
    return this.entries
      .filter(({ asked, answered }) => isAbout(asked) || isAbout(answered))
      .map(({ at, caller, operation, asked, answered }) =>
        [new Date(at).toISOString(), caller, operation, partOf(asked, isAbout), '->', partOf(answered, isAbout)].join(
          ' ',
        ),
      )
      .join('\n');
  }
}

/** Formats items of the inflight table; each starts with its session. */
function rowsIn(text: string): string[] {
  return text.split(/(?=\{"session":)/).slice(1);
}

/** Returns the relevant rows of a batch. */
function partOf(text: string, isAbout: (row: string) => boolean): string {
  const rows = rowsIn(text).filter(isAbout);
  return (rows.length > 0 ? rows : [text]).map((row) => row.slice(0, shown)).join(' ');
}

function idIn(row: string): string {
  return /"id":\{"S":("[^"]+")\}/.exec(row)?.[1] ?? '';
}

function slotIn(row: string): string {
  return /^\{"session":\{"S":"[^"]+"\},"slot":\{"S":"[^"]+"\}/.exec(row)?.[0] ?? '';
}
