/**
 * Rows that a user's function decides by: a name that is no field throws, where an object would
 * give `undefined`. Otherwise a misspelt name, or one that another process renamed, is an answer
 * like any other, and the function goes on to change rows that it does not mean.
 *
 * @module
 */

/** What JavaScript itself asks any object for: `await`, and `JSON.stringify`. */
const ASKED_OF_ALL = new Set<string | symbol>(["then", "toJSON"]);

/** What stands behind a strict row: for the engine, which marks its rows. */
const TARGET = Symbol("behind");

/** The value of a name that a row does not have. */
function absent(row: object, name: string | symbol): undefined {
  if (typeof name === "symbol" || ASKED_OF_ALL.has(name)) return undefined;
  const names: string[] = [];
  for (const field in row) if (!field.startsWith("_")) names.push(field);
  const wanted = JSON.stringify(name);
  throw new TypeError(
    `Cannot read ${wanted} of a row: there is no such field, the fields are ` +
      `${names.join(", ")}; where it may be missing, ask whether ${wanted} in row`,
  );
}

/** The end of the prototypes: only names that are not found before it get here. */
const END: object = new Proxy(Object.freeze({}), {
  get: (end, name, row) => name in end ? Reflect.get(end, name, row) : absent(row, name),
});

/** Makes what inherits from `prototype` strict; reading what it has costs nothing. */
export function strictFrom(prototype: object): void {
  Object.setPrototypeOf(prototype, END);
}

const HANDLER: ProxyHandler<object> = {
  get(row, name) {
    if (name === TARGET) return row;
    const value = Reflect.get(row, name);
    return value === undefined && !(name in row) ? absent(row, name) : value;
  },
};

/** A row as a strict one. A proxy: to print and to compare it is the row, and made at little cost. */
export function strict<R extends object>(row: R): R {
  return new Proxy(row, HANDLER) as R;
}

/** The row behind a strict one; any other object as it is. */
export function unwrapStrict(row: object): object {
  return (row as { [TARGET]?: object })[TARGET] ?? row;
}
