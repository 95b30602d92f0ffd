/** SQS allows 128 characters. */
const maxLength = 128;

/** A deduplication id from the id of a message. A long id keeps its end, because the end distinguishes ids best. */
export function toDeduplicationId(id: string): string {
  return id.slice(-maxLength);
}
