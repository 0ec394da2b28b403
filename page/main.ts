/**
 * Starts the page.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="dom.asynciterable" />
import { render } from "preact";
import { askEarly, at, loginFromAddress, messageOf } from "./api.ts";
import { App } from "./app.ts";
import { html } from "./html.ts";
import { PAGE } from "./rows.ts";
import { pageQuery, readView } from "./view_state.ts";

const root = document.getElementById("app")!;
try {
  await loginFromAddress();
} catch (error) {
  root.append(messageOf(error));
}
const view = readView(new URL(location.href));
if (view.table !== "") askEarly(at(view.table) + pageQuery(view, PAGE, 0));
render(html`<${App} />`, root);
