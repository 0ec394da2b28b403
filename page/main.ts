/**
 * Starts the page.
 *
 * @module
 */

/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="dom.asynciterable" />
import { render } from "preact";
import { loginFromAddress, messageOf } from "./api.ts";
import { App } from "./app.ts";
import { html } from "./html.ts";

const root = document.getElementById("app")!;
try {
  await loginFromAddress();
} catch (error) {
  root.append(messageOf(error));
}
render(html`<${App} />`, root);
