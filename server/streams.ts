/**
 * The routes that stream changes, and how many streams there may be.
 *
 * @module
 */

import { EVENTS, Hub, stream, type StreamForm, type StreamOptions } from "./changes.ts";
import { HttpError, negotiate, respond } from "./http.ts";
import { Params } from "./params.ts";
import type { ServedTable } from "./table.ts";

/** The streams of a server. */
export class Streams {
  readonly #most: number;
  readonly #hubs = new Map<ServedTable, Hub>();
  readonly #open = new Set<AbortController>();

  /** @param most How many streams there may be at once. */
  constructor(most: number) {
    this.#most = most;
  }

  #hubOf(table: ServedTable): Hub {
    let hub = this.#hubs.get(table);
    if (hub === undefined || hub.isOver) this.#hubs.set(table, hub = new Hub(table));
    return hub;
  }

  /** `GET /people/~changes` */
  async ofTable(table: ServedTable, request: Request, url: URL): Promise<Response> {
    negotiate(request, [EVENTS.type]);
    const { schema } = table.refresh();
    const params = new Params(schema, url);
    // A browser that connects again asks at the same address, and says where it was.
    const given = params.count("since");
    const asked = lastEventId(request) ?? given;
    const where = params.where();
    return await this.open(table, { form: EVENTS, since: asked ?? table.base.sequence, where });
  }

  /** A stream of the changes of a table. */
  async open(table: ServedTable, options: StreamOptions): Promise<Response> {
    return await this.#answer(options.form, (signal) => {
      return stream(table, this.#hubOf(table), options, signal);
    });
  }

  /** `GET /~changes?tables=people,houses` */
  async ofTables(
    tables: ReadonlyMap<string, ServedTable>,
    request: Request,
    url: URL,
  ): Promise<Response> {
    const asked = url.searchParams.get("tables")?.split(",") ?? [...tables.keys()];
    const since = positionsIn(
      request.headers.get("last-event-id") ?? url.searchParams.get("since"),
    );
    const unknown = [...url.searchParams.keys()].find((name) =>
      name !== "tables" && name !== "since"
    );
    if (unknown !== undefined) {
      throw new HttpError(400, `Cannot read /~changes: there is no parameter "${unknown}"`, {
        field: unknown,
        allowed: ["tables", "since"],
      });
    }
    const parts = asked.map((name) => {
      const table = tables.get(name);
      if (table !== undefined) {
        return { table, name, position: since.get(name) ?? table.base.sequence };
      }
      throw new HttpError(404, `Cannot watch "${name}": it is not served`, {
        field: "tables",
        allowed: [...tables.keys()],
      });
    });
    return await this.#answer(
      EVENTS,
      (signal) => merged(parts, signal, (table) => this.#hubOf(table)),
    );
  }

  async #answer(
    form: StreamForm,
    begin: (signal: AbortSignal) => AsyncGenerator<string, void>,
  ): Promise<Response> {
    if (this.#open.size >= this.#most) {
      throw new HttpError(
        503,
        `Cannot open another stream: ${this.#most} are open, try again later`,
        {},
        { "retry-after": "10" },
      );
    }
    const end = new AbortController();
    const text = begin(end.signal);
    this.#open.add(end);
    const over = () => {
      end.abort();
      this.#open.delete(end);
    };
    let first: string | undefined;
    try {
      // Before the answer begins, so that it can be a refusal.
      first = (await text.next()).value ?? "";
    } catch (error) {
      over();
      throw error;
    }
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          if (first !== undefined) {
            controller.enqueue(encoder.encode(first));
            first = undefined;
            return;
          }
          const { value, done } = await text.next();
          if (!done) return controller.enqueue(encoder.encode(value));
          over();
          controller.close();
        } catch (error) {
          over();
          controller.error(error);
        }
      },
      // Not the signal of the request, which is aborted also when all went well.
      cancel: over,
    }, { highWaterMark: 0 });
    return respond(body, {
      "content-type": form.type,
      "cache-control": "no-store",
      // Proxies must not collect what is sent.
      "x-accel-buffering": "no",
    });
  }

  /** Ends all streams. */
  close(): void {
    for (const end of this.#open) end.abort();
    for (const hub of this.#hubs.values()) hub.close();
    this.#hubs.clear();
  }
}

/** The commit that a browser saw last before its connection broke. */
function lastEventId({ headers }: Request): number | undefined {
  const id = headers.get("last-event-id");
  if (id === null) return undefined;
  if (/^\d{1,16}$/.test(id)) return Number(id);
  throw new HttpError(400, `Cannot read Last-Event-ID: ${id} is not the number of a commit`, {
    field: "last-event-id",
  });
}

/** `people:12,houses:7` */
function positionsIn(text: string | null): Map<string, number> {
  return new Map(
    (text ?? "").split(",").filter((one) => one !== "").map((one) => {
      const [, name, sequence] = /^(.+):(\d{1,16})$/.exec(one) ?? [];
      if (name !== undefined) return [name, Number(sequence)];
      throw new HttpError(
        400,
        `Cannot read since: ${JSON.stringify(one)} is no position, say TABLE:COMMIT`,
        { field: "since" },
      );
    }),
  );
}

interface Part {
  readonly table: ServedTable;
  readonly name: string;
  position: number;
}

/** The streams of several tables as one. */
async function* merged(
  parts: readonly Part[],
  signal: AbortSignal,
  hubOf: (table: ServedTable) => Hub,
): AsyncGenerator<string, void> {
  const id = () => parts.map(({ name, position }) => `${name}:${position}`).join();
  const sources = parts.map((part) => {
    const form: StreamForm = {
      type: EVENTS.type,
      open: () => "",
      commit({ sequence, changes }) {
        part.position = sequence;
        const data = EVENTS.commit({ sequence, changes }).split("\ndata: ")[1]!.trimEnd();
        const told = `{"table":${JSON.stringify(part.name)},${data.slice(1)}`;
        return `id: ${id()}\nevent: commit\ndata: ${told}\n\n`;
      },
      idle: EVENTS.idle,
    };
    const options = { form, since: part.position, where: undefined };
    return stream(part.table, hubOf(part.table), options, signal);
  });
  // The first text of each is empty, and says that its commits are kept.
  for (const source of sources) await source.next();
  const sequences = Object.fromEntries(parts.map(({ name, position }) => [name, position]));
  yield `id: ${id()}\nevent: open\ndata: ${JSON.stringify({ sequences })}\n\n`;
  const next = (i: number) => sources[i]!.next().then((result) => ({ i, result }));
  const waiting = new Map(sources.map((_, i) => [i, next(i)]));
  while (waiting.size > 0) {
    const { i, result } = await Promise.race(waiting.values());
    if (result.done) {
      waiting.delete(i);
      continue;
    }
    yield result.value;
    waiting.set(i, next(i));
  }
}
