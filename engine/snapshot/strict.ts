/**
 * Strict rows, for functions of users: reading a name that is not a field throws an error, where a
 * plain object would return `undefined`. Otherwise the function would take a misspelt name, or one
 * that another process renamed, for an empty value, and change the wrong rows.
 *
 * @module
 */

/** Names that JavaScript itself reads of any object: for `await` and `JSON.stringify`. */
const ASKED_OF_ALL = new Set<string | symbol>(["then", "toJSON"]);

/** The key by which the engine reads the row of a proxy. */
const TARGET = Symbol("target");

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

/** The end of a prototype chain. Only names that are not found before get here. */
const END: object = new Proxy(Object.freeze({}), {
  get: (end, name, row) => name in end ? Reflect.get(end, name, row) : absent(row, name),
});

/** Makes objects with this prototype strict. Reading their properties costs nothing extra. */
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

/** A strict row. It is a proxy, so it prints and compares like the row, and is cheap to create. */
export function strict<R extends object>(row: R): R {
  return new Proxy(row, HANDLER) as R;
}

/** The row of a strict row; any other object as it is. */
export function unwrapStrict(row: object): object {
  return (row as { [TARGET]?: object })[TARGET] ?? row;
}
