/** Tables behind a server in this process, for tests. */

import type { AnyBase, NoReservedNames, Schema } from "../../mod.ts";
import { RemoteBase, type RemoteOptions } from "../../remote.ts";
import { type ServeHandler, type ServeOptions, serveTables } from "../../serve.ts";

/** A server; the tables are closed by whoever opened them. */
export class Served implements AsyncDisposable {
  /** The handler of the server. */
  readonly handler: ServeHandler;
  /** Errors that it reported. */
  readonly errors: unknown[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(tables: Record<string, AnyBase>, options: ServeOptions = {}, port = 0) {
    this.handler = serveTables(tables, {
      write: true,
      onError: (error) => void this.errors.push(error),
      ...options,
    });
    this.#server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, this.handler);
  }

  /** The address of a path. */
  url(path = ""): string {
    return `http://127.0.0.1:${this.#server.addr.port}/${path}`;
  }

  /** The port. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** Asks the handler, without a connection. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    return await this.handler(new Request(`http://localhost/${path}`, init));
  }

  /** Sends a body of JSON. */
  async send(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return await this.ask(path, {
      method,
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  }

  /** A client of a table. */
  async open<const S extends Schema>(
    name: string,
    schema?: S,
    options?: RemoteOptions,
  ): Promise<RemoteBase<S>> {
    return await RemoteBase.open<S>(this.url(name), schema as S & NoReservedNames, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handler.close();
    await this.#server.shutdown();
  }
}
