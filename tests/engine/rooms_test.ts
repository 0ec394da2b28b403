import { assertEquals } from "@std/assert";

/**
 * The rooms of the engine, each with the rooms that it may import. Imports between files of one
 * room are free, but for circles. `ARCHITECTURE.md` shows the same table with what each room holds.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  system: [],
  bytes: ["system"],
  schema: ["system"],
  lock: ["system"],
  log: ["system", "bytes", "schema"],
  segment: ["system", "bytes", "schema"],
  snapshot: ["system", "bytes", "schema", "lock", "log", "segment"],
  query: ["system", "bytes", "schema", "segment", "snapshot"],
  store: ["system", "bytes", "schema", "lock", "log", "segment", "snapshot"],
  maintenance: [
    ...["system", "bytes", "schema", "lock", "log", "segment", "snapshot", "query", "store"],
  ],
  write: [
    ...["system", "bytes", "schema", "lock", "log", "segment", "snapshot", "query", "store"],
    "maintenance",
  ],
  watch: ["system", "schema", "log", "snapshot", "query", "store"],
};

const ENGINE = new URL("../../engine/", import.meta.url);

/** The files that each file of the engine imports, types included, as paths within the engine. */
function importsOf(dir: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, isDirectory } of Deno.readDirSync(new URL(dir, ENGINE))) {
    if (isDirectory) {
      for (const [path, imports] of importsOf(`${dir}${name}/`)) found.set(path, imports);
      continue;
    }
    const path = `${dir}${name}`;
    const text = Deno.readTextFileSync(new URL(path, ENGINE));
    const pattern = /(?:^(?:import|export)\b[^"';]*?from |\bimport\()"(\.[^"]+)"/gm;
    found.set(
      path,
      Array.from(text.matchAll(pattern), ([, to]) => {
        const { href } = new URL(to!, new URL(path, ENGINE));
        return href.startsWith(ENGINE.href) ? href.slice(ENGINE.href.length) : to!;
      }),
    );
  }
  return found;
}

const roomOf = (path: string) => path.includes("/") ? path.split("/")[0]! : "";

/** The imports that the table does not allow. */
function misplaced(imports: ReadonlyMap<string, readonly string[]>): string[] {
  return Array.from(imports, ([path, targets]) => {
    const room = roomOf(path);
    // What stands above the rooms opens and closes tables, and may import all of them.
    const allowed = room === "" ? Object.keys(ROOMS) : [room, ...ROOMS[room] ?? []];
    return targets.filter((target) => !allowed.includes(roomOf(target)))
      .map((target) => `${path} imports ${target}`);
  }).flat();
}

/** A circle of imports, if there is one. */
function circle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] | undefined => {
    const at = way.indexOf(path);
    if (at >= 0) return [...way.slice(at), path];
    if (done.has(path)) return undefined;
    for (const target of imports.get(path) ?? []) {
      const found = visit(target, [...way, path]);
      if (found !== undefined) return found;
    }
    done.add(path);
    return undefined;
  };
  for (const path of imports.keys()) {
    const found = visit(path, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

Deno.test("Each room of the engine imports only the rooms that it may", () => {
  const imports = importsOf("");
  assertEquals(new Set([...imports.keys()].map(roomOf)), new Set(["", ...Object.keys(ROOMS)]));
  assertEquals(misplaced(imports), []);
});

Deno.test("No files of the engine import each other in a circle, types included", () => {
  assertEquals(circle(importsOf("")), undefined);
});

Deno.test("An upward import and a circle are noticed", () => {
  const imports = importsOf("");
  imports.set("bytes/bytes.ts", [...imports.get("bytes/bytes.ts")!, "log/frame.ts"]);
  assertEquals(misplaced(imports), ["bytes/bytes.ts imports log/frame.ts"]);
  assertEquals(circle(imports)?.includes("log/frame.ts"), true);
});
