/**
 * Errors as problems (RFC 9457): JSON that a server answers with, and that a client makes the same
 * error of.
 *
 * @module
 */

import {
  BaseError,
  BaseExistsError,
  BaseLockedError,
  BaseNotFoundError,
  ClosedError,
  ConflictError,
  CorruptionError,
  DeadlockError,
  FormatVersionError,
  LockTimeoutError,
  ReadOnlyError,
  RecordNotFoundError,
  SchemaError,
  UniqueError,
  UpdateError,
  WriteError,
} from "../engine/system/errors.ts";
import type { JsonValue } from "../engine/schema/types.ts";
import { fromWire, toWire } from "./values.ts";

/** The media type of a problem. */
export const PROBLEM = "application/problem+json";

/** What a server answers in place of what was asked for. */
export interface Problem {
  /** Always `about:blank`: the class says what it is. */
  readonly type: "about:blank";
  /** The name of the class of the error. */
  readonly title: string;
  /** The status of the answer. */
  readonly status: number;
  /** What was attempted, what is wrong, and what to do. */
  readonly detail: string;
  /** The name of the class of the error, if the library has it. */
  readonly class?: string;
  /** The field or parameter that is wrong. */
  readonly field?: string;
  /** Other properties of the error. */
  readonly [name: string]: JsonValue | undefined;
}

/** The errors of the library, and how a client makes them again. */
interface Kind {
  readonly of: new (...args: never[]) => Error;
  readonly status: number;
  /** The properties that travel. */
  readonly properties?: readonly string[];
}

const KINDS: readonly Kind[] = [
  { of: ConflictError, status: 412, properties: ["id", "expected", "found"] },
  { of: UniqueError, status: 409, properties: ["field", "value", "id"] },
  { of: RecordNotFoundError, status: 404, properties: ["id"] },
  { of: BaseNotFoundError, status: 404 },
  { of: BaseExistsError, status: 409 },
  { of: BaseLockedError, status: 503 },
  { of: LockTimeoutError, status: 503, properties: ["waitedMs"] },
  { of: DeadlockError, status: 500 },
  { of: ClosedError, status: 503 },
  { of: ReadOnlyError, status: 403 },
  { of: SchemaError, status: 422 },
  { of: UpdateError, status: 422 },
  { of: WriteError, status: 500, properties: ["outcome"] },
  { of: CorruptionError, status: 500, properties: ["offset", "reason"] },
  { of: FormatVersionError, status: 500 },
  { of: BaseError, status: 500 },
  { of: TypeError, status: 422 },
  { of: RangeError, status: 422 },
];

/**
 * The problem of an error of the library; `undefined` if it is of no class that users know.
 *
 * @param dirs The directories of tables, whose paths stay on the server, and what to say instead.
 */
export function problemOf(
  error: unknown,
  dirs: Iterable<readonly [dir: string, name: string]> = [],
): Problem | undefined {
  const kind = KINDS.find(({ of }) => error instanceof of);
  if (kind === undefined) return undefined;
  const { message } = error as Error;
  const told = Object.fromEntries((kind.properties ?? []).map((name) => [
    name,
    toWire((error as unknown as Record<string, unknown>)[name]),
  ]));
  const field = /field "([^"]+)"/.exec(message)?.[1];
  return {
    type: "about:blank",
    title: kind.of.name,
    status: isFull(error) ? 507 : kind.status,
    detail: withNames(message, dirs),
    class: kind.of.name,
    ...(field === undefined ? {} : { field }),
    ...told,
  };
}

function withNames(message: string, dirs: Iterable<readonly [string, string]>): string {
  for (const [dir, name] of dirs) message = message.replaceAll(`"${dir}"`, `"${name}"`);
  // A file of a table.
  for (const [dir, name] of dirs) message = message.replaceAll(`"${dir}/`, `"${name}/`);
  return message;
}

/** Whether the disk is full. */
function isFull(error: unknown): boolean {
  const cause = error instanceof WriteError ? error.cause : undefined;
  return cause instanceof Error && /os error (?:28|122|112)\b|ENOSPC/.test(cause.message);
}

/** The error of a problem: of the same class, with the same properties. */
export function errorOf(problem: Problem): Error {
  const kind = KINDS.find(({ of }) => of.name === problem.class);
  if (kind === undefined) return new BaseError(`${problem.detail} (${problem.status})`);
  // Without the constructor of the class, which would write the message anew.
  const error: Error = Reflect.construct(Error, [problem.detail], kind.of);
  Object.defineProperty(error, "name", {
    value: kind.of.name,
    configurable: true,
    writable: true,
  });
  for (const name of kind.properties ?? []) {
    const value = fromWire(problem[name] ?? null);
    Object.defineProperty(error, name, { value, enumerable: true });
  }
  return error;
}
