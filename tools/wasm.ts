/**
 * Assembles the WebAssembly of the engine: `NAME.wat` to `NAME_wasm.ts` beside it.
 *
 * ```sh
 * deno run -A tools/wasm.ts
 * ```
 *
 * @module
 */

import startWabt from "wabt";

const ENGINE = new URL("../engine/", import.meta.url);

/** The texts of the engine, as they are named in it. */
export const TEXTS = ["bytes/checksum.wat"] as const;

/** The module of TypeScript that a text becomes: its name, and what is in it. */
export async function assemble(text: string): Promise<{ file: URL; content: string }> {
  const wabt = await startWabt();
  const wat = new URL(text, ENGINE);
  const name = text.split("/").at(-1)!;
  using parsed = disposable(wabt.parseWat(name, Deno.readTextFileSync(wat)));
  parsed.it.validate();
  const { buffer } = parsed.it.toBinary({});
  const content = `// Made from ${name} by \`deno run -A tools/wasm.ts\`.

/** The bytes of the module, in Base64. */
export const WASM =
  "${buffer.toBase64()}";
`;
  return { file: new URL(text.replace(".wat", "_wasm.ts"), ENGINE), content };
}

function disposable<T extends { destroy(): void }>(it: T): Disposable & { it: T } {
  return { it, [Symbol.dispose]: () => it.destroy() };
}

if (import.meta.main) {
  for (const text of TEXTS) {
    const { file, content } = await assemble(text);
    Deno.writeTextFileSync(file, content);
  }
}
