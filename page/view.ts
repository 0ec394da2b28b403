/**
 * The view: which table, which rows, in which order. All of it is in the address. What the server
 * is asked for stands in the query, how it is shown stands after `#`.
 *
 * @module
 */

/** A condition, as a parameter of the API. */
export interface Condition {
  /** The field, or `or`, `and`, `not.or`, `not.and`. */
  readonly name: string;
  /** `gte.18` */
  readonly value: string;
}

/** What is shown. */
export interface View {
  readonly table: string | undefined;
  readonly conditions: readonly Condition[];
  /** Terms of `order`, the first is the most important. */
  readonly order: readonly string[];
  readonly hidden: readonly string[];
  readonly facets: readonly string[];
}

/** The view of an address. */
export function viewOf({ pathname, search, hash }: URL | Location): View {
  const [, table] = pathname.split("/");
  const conditions: Condition[] = [];
  let order: string[] = [];
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === "order") order = value.split(",").filter((term) => term !== "");
    else if (!["limit", "offset", "select"].includes(name)) conditions.push({ name, value });
  }
  const shown = new URLSearchParams(hash.slice(1));
  const list = (name: string) => shown.get(name)?.split(",").filter((one) => one !== "") ?? [];
  return {
    table: table ? decodeURIComponent(table) : undefined,
    conditions,
    order,
    hidden: list("hide"),
    facets: list("facets"),
  };
}

/** A character of a query that needs no escape, though `URLSearchParams` writes one. */
function readable(text: string): string {
  return text.replaceAll("%2C", ",").replaceAll("%28", "(").replaceAll("%29", ")")
    .replaceAll("%3A", ":").replaceAll("%40", "@");
}

/** The query of a view, for the server; with more parameters, if there are. */
export function queryOf(
  { conditions, order }: Pick<View, "conditions" | "order">,
  more: Readonly<Record<string, string | number>> = {},
): string {
  const params = new URLSearchParams();
  for (const { name, value } of conditions) params.append(name, value);
  if (order.length > 0) params.set("order", order.join());
  for (const [name, value] of Object.entries(more)) params.set(name, String(value));
  const text = readable(String(params));
  return text === "" ? "" : `?${text}`;
}

/** The address of a view. */
export function addressOf(view: View): string {
  const shown = new URLSearchParams();
  if (view.hidden.length > 0) shown.set("hide", view.hidden.join());
  if (view.facets.length > 0) shown.set("facets", view.facets.join());
  const hash = readable(String(shown));
  const path = view.table === undefined ? "/" : `/${encodeURIComponent(view.table)}`;
  return `${path}${queryOf(view)}${hash === "" ? "" : `#${hash}`}`;
}

/** The order after a click on a field: ascending, descending, none. */
export function orderAfter(order: readonly string[], name: string, add: boolean): string[] {
  const others = add ? order.filter((term) => term.replace(/^-/, "") !== name) : [];
  if (order.includes(name)) return [...others, `-${name}`];
  return order.includes(`-${name}`) ? others : [...others, name];
}
