/**
 * The command, without a process of its own: a terminal or a pipe in memory. Where `PSBASE_COMMAND`
 * names an executable, that is called instead, but where a terminal is played.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { main } from "../../cli.ts";
import type { Io } from "../../cli.ts";
import { CLI } from "./programs.ts";

const EXECUTABLE = Deno.env.get("PSBASE_COMMAND");

/** What a command wrote, and its exit code. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a command line stands in. */
export interface Surroundings {
  /** What is in stdin. */
  readonly stdin?: string;
  /** The width of the terminal; without it, pipes. */
  readonly terminal?: number;
  /** Whether it shows colours. */
  readonly colors?: boolean;
  /** What somebody at the terminal answers. */
  readonly answer?: boolean;
}

/** A command line as a process. */
export function command(...args: string[]): [program: string, args: string[]] {
  if (EXECUTABLE !== undefined) return [EXECUTABLE, args];
  return [Deno.execPath(), ["run", "-A", "--quiet", CLI, ...args]];
}

/** Runs a process to its end. */
export async function run(program: string, args: string[], stdin = ""): Promise<Outcome> {
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    // Nobody has to read it.
    ReadableStream.from([new TextEncoder().encode(stdin)]).pipeTo(child.stdin).catch(() => {}),
  ]);
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Runs a command line. */
export async function psbase(
  args: readonly string[],
  { stdin = "", terminal, colors = false, answer }: Surroundings = {},
): Promise<Outcome> {
  if (EXECUTABLE !== undefined && terminal === undefined) {
    return await run(EXECUTABLE, [...args], stdin);
  }
  const written = { out: "", err: "" };
  const output = (to: "out" | "err") => ({
    isTerminal: terminal !== undefined,
    columns: terminal ?? NaN,
    colors,
    write(text: string) {
      written[to] += text;
    },
  });
  const io: Io = {
    stdin: ReadableStream.from([new TextEncoder().encode(stdin)]),
    stdout: output("out"),
    stderr: output("err"),
    confirm: answer === undefined ? undefined : (question) => {
      written.err += `${question}\n`;
      return answer;
    },
  };
  return { code: await main(args, io), ...written };
}

/** What a command that goes well writes to stdout. */
export async function done(args: readonly string[], given: Surroundings = {}): Promise<string> {
  const { code, out, err } = await psbase(args, given);
  assertEquals(code, 0, `psbase ${args.join(" ")}: ${err}`);
  return out;
}
