/**
 * The address is the view: `/people?age=gte.18&order=-age&select=name,age&~facets=team`. But for the
 * facets it is the address of the same rows in the API.
 *
 * @module
 */

/** A condition as the API has it: `age`, `gte.18`. */
export type Condition = readonly [name: string, value: string];

/** What is shown. */
export interface View {
  /** The table; empty for none. */
  readonly table: string;
  readonly where: readonly Condition[];
  /** Fields; a descending one has `-` in front. */
  readonly order: readonly string[];
  /** The columns; all without it. */
  readonly select: readonly string[] | undefined;
  /** The fields whose values are counted. */
  readonly facets: readonly string[];
}

const FACETS = "~facets";
/** Parameters of the API: a field that is called like one of them is quoted. */
const PARAMETERS = [
  ...["order", "limit", "offset", "select", "or", "and", "not", "of", "by", "figures", "since"],
];

/** The name of a field as a parameter. */
export function parameterOf(field: string): string {
  return PARAMETERS.includes(field) ? `"${field}"` : field;
}

/** The field of a condition. */
export function fieldOf([name]: Condition): string {
  return name.replace(/^"(.*)"$/, "$1");
}

/** The view of an address. */
export function readView({ pathname, searchParams }: URL): View {
  const names = (key: string) => searchParams.get(key)?.split(",").filter((name) => name !== "");
  const rest = [...searchParams].filter(([name]) =>
    !["order", "limit", "offset", "select", FACETS].includes(name)
  );
  let table = pathname.slice(1);
  try {
    table = decodeURIComponent(table);
  } catch {
    // It is shown as it is, and the server says that there is no such table.
  }
  return {
    table,
    where: rest,
    order: names("order") ?? [],
    select: names("select"),
    facets: names(FACETS) ?? [],
  };
}

/** Text in an address: what needs no escape stays readable. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /%(?:2C|3A|2F|40|7E)/g,
    (code) => decodeURIComponent(code),
  );
}

/** A query: `?a=b`, or nothing. */
export function query(pairs: Iterable<readonly [string, string | number]>): string {
  const text = Array.from(pairs, ([name, value]) => `${escaped(name)}=${escaped(String(value))}`)
    .join("&");
  return text === "" ? "" : `?${text}`;
}

/** The parameters by which the API gives the rows of a view. */
export function rowParameters({ where, order, select }: View): Condition[] {
  return [
    ...where,
    ...(order.length > 0 ? [["order", order.join()] as const] : []),
    ...(select ? [["select", select.join()] as const] : []),
  ];
}

/** The parameters of some rows of a view. */
export function pageQuery(view: View, limit: number, offset: number): string {
  return query([...rowParameters(view), ["limit", limit], ["offset", offset]]);
}

/** The address of a view. */
export function addressOf(view: View): string {
  const facets = view.facets.length > 0 ? [[FACETS, view.facets.join()] as const] : [];
  return `/${encodeURIComponent(view.table)}${query([...rowParameters(view), ...facets])}`;
}

/** The view of a table as it begins. */
export function viewOf(table: string, where: readonly Condition[] = []): View {
  return { table, where, order: [], select: undefined, facets: [] };
}
