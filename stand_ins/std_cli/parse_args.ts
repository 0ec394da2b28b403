/**
 * `@std/cli/parse-args`: see stand_ins/README.md. The result type of the original
 * also follows dotted names and negatable flags; psbase uses neither.
 *
 * @module
 */
import * as std from "npm:deno-std@1.3.0/cli/parse_args.js";

type Names<N extends string> = N | readonly N[];

export interface ParseOptions<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  DD extends boolean = false,
> {
  "--"?: DD;
  alias?: Record<string, Names<string>>;
  boolean?: boolean | Names<B>;
  collect?: Names<C>;
  default?: D;
  stopEarly?: boolean;
  string?: Names<S>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** A flag with a default always has a value. */
type Given<Value, Default, Name> = Name extends keyof Default ? Value | Default[Name]
  : Value | undefined;

export type Args<
  B extends string,
  S extends string,
  C extends string,
  D,
  DD extends boolean,
> =
  & { [name: string]: unknown; _: (string | number)[] }
  & { [N in B]: boolean | (N extends keyof D ? D[N] : never) }
  & { [N in Exclude<S, C>]: Given<string, D, N> }
  & { [N in C]: N extends S ? string[] : unknown[] }
  & (DD extends true ? { "--": string[] } : unknown);

export const parseArgs: <
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  DD extends boolean = false,
>(args: string[], options?: ParseOptions<B, S, C, D, DD>) => Args<B, S, C, D, DD> = std.parseArgs;
