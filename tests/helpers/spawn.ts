/**
 * Child processes for tests: programs in `tests/fixtures/` that talk in lines.
 *
 * @module
 */

const FIXTURES = new URL("../fixtures/", import.meta.url);

/** A running child; disposing kills it, also when it is stopped, and waits for its end. */
export interface Fixture extends AsyncDisposable {
  /** The process. */
  readonly child: Deno.ChildProcess;
  /** What it prints, line by line; ends with its stdout. */
  readonly lines: AsyncIterableIterator<string>;
  /** How it ended. */
  readonly status: Promise<Deno.CommandStatus>;
  /** The next line, `undefined` after the last. */
  readLine(): Promise<string | undefined>;
  /** Writes a line to its stdin. */
  send(line: string): Promise<void>;
  /** Ends its stdin. */
  end(): Promise<void>;
  /** Sends a signal, SIGKILL if none is named; harmless after its end. */
  kill(signal?: Deno.Signal): void;
}

/**
 * Starts `tests/fixtures/<name>.ts`; what it writes to stderr is shown. `under` comes before the
 * command: a program that restrains it.
 */
export function spawnFixture(name: string, args: string[] = [], under: string[] = []): Fixture {
  const path = new URL(`${name}.ts`, FIXTURES).href;
  const [program, ...words] = [...under, Deno.execPath(), "run", "-A", "--quiet", path, ...args];
  return spawn(program!, words);
}

/** To be put before a command: a shell that does something, limits resources say, and becomes it. */
export function underShell(script: string): string[] {
  return ["sh", "-c", `${script}; exec "$@"`, "sh"];
}

/** Starts any program. */
export function spawn(command: string, args: string[]): Fixture {
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const lines = readLines(reader);
  const kill = (signal: Deno.Signal = "SIGKILL") => {
    try {
      child.kill(signal);
    } catch (error) {
      // What has ended cannot be killed.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  return {
    child,
    lines,
    status: child.status,
    kill,
    readLine: async () => (await lines.next()).value,
    send: (line) => writer.write(new TextEncoder().encode(line + "\n")),
    end: () => writer.close(),
    async [Symbol.asyncDispose]() {
      kill();
      await child.status;
      await reader.cancel();
      await writer.close().catch(() => {});
    },
  };
}

/** Lines from a reader of text. */
async function* readLines(
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
