/**
 * Serving tables over HTTP: an API with live changes, and a page.
 *
 * @example A server of one table
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { serveTables } from "@psbase/psbase/serve";
 * import { assertEquals } from "@std/assert";
 *
 * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
 * await people.insert({ name: "homer" });
 * await using handler = serveTables({ people });
 * await using server = Deno.serve({ port: 0, onListen() {} }, handler);
 * const answer = await fetch(`http://localhost:${server.addr.port}/people/0`);
 * assertEquals(await answer.json(), { __id__: 0, __version__: 0, name: "homer" });
 * ```
 *
 * @module
 */

import type { AnyBase } from "./base.ts";
import { describe } from "./engine/system/check.ts";
import { Guard } from "./server/guard.ts";
import { Handler } from "./server/handler.ts";
import { Streams } from "./server/streams.ts";
import { ServedTable } from "./server/table.ts";

/** How tables are served. */
export interface ServeOptions {
  /**
   * Whether clients may write.
   *
   * @default {false}
   */
  readonly write?: boolean | undefined;
  /**
   * Who sends one of these texts may ask: as `Authorization: Bearer TOKEN`. Without tokens everybody
   * may who can reach the server, so let it listen on the loopback address only.
   *
   * @default {[]}
   */
  readonly tokens?: readonly string[] | undefined;
  /**
   * The names by which clients call the server. Requests for other names are refused; `localhost`
   * and addresses are always allowed.
   *
   * @default {[]}
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * Origins whose pages may ask, such as `https://example.com`.
   *
   * @default {[]}
   */
  readonly cors?: readonly string[] | undefined;
  /**
   * How many streams of changes there may be at once.
   *
   * @default {2000}
   */
  readonly maxStreams?: number | undefined;
  /**
   * Called with errors that a client is only told as "a bug", or that the disk caused.
   *
   * @default {console.error}
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Answers requests. It is also what ends the streams that it answered with. */
export interface ServeHandler extends AsyncDisposable {
  /** Answers a request: pass it to `Deno.serve`. */
  (request: Request): Promise<Response>;
  /** Ends all streams, so that the server can shut down. The tables stay open. */
  close(): Promise<void>;
}

/**
 * Serves tables: returns a handler for `Deno.serve`.
 *
 * @param tables The tables, open, by the names that addresses have for them.
 * @param options Who may do what.
 * @throws {TypeError} If a name cannot stand in an address, or an option is wrong.
 */
export function serveTables(
  tables: Readonly<Record<string, AnyBase>>,
  options: ServeOptions = {},
): ServeHandler {
  checkOptions(options);
  const { write = false, tokens = [], hosts = [], cors = [], maxStreams = 2000 } = options;
  const served = new Map(
    Object.entries(tables).map(([name, table]) => {
      checkName(name);
      return [name, new ServedTable(name, table, write)];
    }),
  );
  const streams = new Streams(maxStreams);
  const handler = new Handler({
    tables: served,
    guard: new Guard({ hosts, tokens, cors }),
    streams,
    // deno-lint-ignore no-console
    report: options.onError ?? ((error) => console.error(error)),
  });
  const close = () => Promise.resolve(streams.close());
  return Object.assign((request: Request) => handler.answer(request), {
    close,
    [Symbol.asyncDispose]: close,
  });
}

const OPTIONS = ["write", "tokens", "hosts", "cors", "maxStreams", "onError"];

function checkOptions(options: ServeOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot serve tables: unknown option "${unknown}", the options are ${OPTIONS.join(", ")}`,
    );
  }
  for (const name of ["tokens", "hosts", "cors"] as const) {
    const list = options[name];
    if (
      list === undefined || (Array.isArray(list) && list.every((one) => typeof one === "string"))
    ) {
      continue;
    }
    throw new TypeError(`Cannot serve tables: ${name}: ${describe(list)}, expected texts`);
  }
  if (options.tokens?.some((token) => token.length < 16)) {
    throw new TypeError("Cannot serve tables: a token is shorter than 16 characters");
  }
}

/** Refuses a name that addresses use otherwise. */
function checkName(name: string): void {
  if (!/^[^~/\\?#%\p{Cc}][^/\\?#%\p{Cc}]*$/u.test(name) || /^\.+$/.test(name)) {
    throw new TypeError(
      `Cannot serve ${JSON.stringify(name)}: a name in an address has no / \\ ? # % and does not ` +
        `begin with ~`,
    );
  }
}
