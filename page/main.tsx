/** @jsxImportSource preact */
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The entry of the page. It is bundled into the server by `tools/page.ts`.
 *
 * @module
 */

import { render } from "preact";
import { login } from "./api.ts";
import { App } from "./app.tsx";
import { startTheme } from "./settings.ts";

startTheme();
// A wrong token is told by the first request.
await login().catch(() => {});
render(<App />, document.body);
