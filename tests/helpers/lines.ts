/**
 * Text line by line.
 *
 * @module
 */

/** Lines from a reader of text. */
export async function* readLines(
  reader: ReadableStreamDefaultReader<string>,
): AsyncGenerator<string, undefined> {
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** In a fixture: the lines of stdin. */
export function stdinLines(): AsyncIterableIterator<string> {
  return readLines(Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader());
}
