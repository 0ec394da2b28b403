/**
 * `psbase serve`.
 *
 * @module
 */

import { nameOf, toPath } from "../../engine/system/path.ts";
import { type AnyBase, PsBase } from "../../mod.ts";
import { handlerOf } from "../../server/serve_handler.ts";
import { ServedTable } from "../../server/table.ts";
import { countOf } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { widestOptions } from "../call/open.ts";
import { Fault, UsageError } from "../process/errors.ts";
import { say } from "../process/io.ts";
import { ENDING, onSignals } from "../process/signals.ts";

const PORT = 7262;
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

/** `psbase serve` */
export async function serve(call: Call): Promise<void> {
  const { io, flags, values, words } = call;
  if (words.length === 0) throw new UsageError("PATH is missing");
  const port = countOf(call, "port") ?? PORT;
  const host = values.host ?? LOOPBACK[0]!;
  if (!LOOPBACK.includes(host) && values["token-file"] === undefined) {
    throw new UsageError(
      `--host ${host}: others can reach this address, say who may ask with --token-file`,
    );
  }
  const tokens = await tokensOf(values["token-file"]);
  await using tables = new AsyncDisposableStack();
  const served: ServedTable[] = [];
  for (const path of words) {
    const open = async () => await PsBase.open(path, await widestOptions(path));
    const table = await servedTable(path, open, flags.has("write"));
    tables.defer(() => table.base.close());
    if (served.some(({ name }) => name === table.name)) {
      throw new UsageError(`"${table.name}" is the name of two tables: serve one of them`);
    }
    served.push(table);
  }
  await using handler = handlerOf(served, {
    tokens,
    hosts: [host],
    cors: values.cors?.split(","),
    onError: (error) => say(io, error instanceof Error ? error.message : String(error)),
  });
  const server = listen(host, port, handler);
  const { port: bound } = server.addr as Deno.NetAddr;
  const address = `http://${host.includes(":") ? `[${host}]` : host}:${bound}/`;
  // A token of a file is a secret of its own: only a new one is shown.
  const page = values["token-file"] === undefined ? `${address}#t=${tokens[0]}` : address;
  io.stdout.write(`${page}\n`);
  say(io, `serving ${served.map(({ name }) => name).join(", ")}, stop with Ctrl-C`);
  if (flags.has("open")) openBrowser(page);
  await ending();
  // Streams never end by themselves; what else is being answered is answered.
  await handler.close();
  await server.shutdown();
}

async function servedTable(
  path: string,
  open: () => Promise<AnyBase>,
  write: boolean,
): Promise<ServedTable> {
  const table = new ServedTable(nameOf(toPath(path)), await open(), write, open);
  if (write && !table.isWritable) {
    await table.base.close();
    throw new Fault(`Cannot write to "${path}": the system forbids it, serve it without --write`);
  }
  return table;
}

/** The tokens in a file, or a new one. */
async function tokensOf(file: string | undefined): Promise<string[]> {
  if (file === undefined) {
    return [crypto.getRandomValues(new Uint8Array(16)).toHex()];
  }
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new Fault(`Cannot read "${file}": ${(error as Error).message}`);
  }
  const tokens = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (tokens.length === 0) throw new Fault(`Cannot read "${file}": it has no token`);
  if (tokens.some((token) => token.length < 16 || /\s/.test(token))) {
    throw new Fault(
      `Cannot use the tokens of "${file}": a token is one word of 16 characters or more`,
    );
  }
  return tokens;
}

function listen(
  hostname: string,
  port: number,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer {
  try {
    return Deno.serve({ hostname, port, onListen() {} }, handler);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new Fault(`Cannot listen on port ${port}: it is in use, say --port N, 0 for any`);
    }
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new Fault(`Cannot listen on ${hostname}:${port}: ${(error as Error).message}`);
  }
}

/** Resolves when a signal says so. */
async function ending(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _listening = onSignals(ENDING, () => resolve());
  await promise;
}

function openBrowser(address: string): void {
  const [program, ...args] = Deno.build.os === "windows"
    ? ["cmd", "/c", "start", ""]
    : [Deno.build.os === "darwin" ? "open" : "xdg-open"];
  try {
    new Deno.Command(program!, { args: [...args, address], stdout: "null", stderr: "null" })
      .spawn().unref();
  } catch (error) {
    throw new Fault(`Cannot open a browser: ${(error as Error).message}`);
  }
}
