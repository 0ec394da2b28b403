import { assertEquals } from "@std/assert";

/**
 * Rooms, each with the rooms that it may import. Imports between files of one room are free, but
 * for circles. The files above the rooms may import all of them.
 */
type Rooms = Readonly<Record<string, readonly string[]>>;

/** `ARCHITECTURE.md` shows the same table with what each room holds. */
const ENGINE: Rooms = {
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

/** The rooms of the command. They import the engine and the public API as well. */
const CLI: Rooms = {
  process: [],
  call: ["process"],
  formats: ["process", "call"],
  import: ["process", "call", "formats"],
  buzhug: ["process", "call", "import"],
  commands: ["process", "call", "formats", "import", "buzhug"],
};

const BUILDINGS: Readonly<Record<string, Rooms>> = {
  engine: ENGINE,
  cli: CLI,
  wire: {},
  remote: {},
  server: {},
  page: {},
};

/** What the buildings around the engine may import of each other, and of the files above them. */
const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
  // The cells of the command line, whose grammar the filter box has.
  page: ["cli"],
  wire: ["engine"],
  remote: ["engine", "wire", "store.ts"],
  server: ["engine", "wire", "cli", "base.ts", "transaction.ts", "deno.json"],
};

/** The imports of each file, types included, as paths within the directory. */
type Imports = Map<string, string[]>;

/**
 * The files that each file of a directory imports from the same directory, and with `outside` from
 * anywhere. The engine imports nothing outside.
 */
function importsOf(building: string, dir = "", outside = building === "engine"): Imports {
  const root = new URL(`../../${building}/`, import.meta.url);
  const found: Imports = new Map();
  for (const { name, isDirectory } of Deno.readDirSync(new URL(dir, root))) {
    if (isDirectory) {
      for (const [path, imports] of importsOf(building, `${dir}${name}/`, outside)) {
        found.set(path, imports);
      }
      continue;
    }
    const path = `${dir}${name}`;
    if (!/\.tsx?$/.test(name)) continue;
    const text = Deno.readTextFileSync(new URL(path, root));
    const pattern = /(?:^(?:import|export)\b[^"';]*?from |\bimport\()"(\.[^"]+)"/gm;
    const targets = Array.from(
      text.matchAll(pattern),
      ([, to]) => new URL(to!, new URL(path, root)),
    );
    found.set(
      path,
      targets.filter(({ href }) => outside || href.startsWith(root.href))
        .map(({ href, pathname }) =>
          href.startsWith(root.href) ? href.replace(root.href, "") : pathname
        ),
    );
  }
  return found;
}

const roomOf = (path: string) => path.includes("/") ? path.split("/")[0]! : "";

/** The imports that the table does not allow. */
function misplaced(imports: Imports, rooms: Rooms): string[] {
  return Array.from(imports, ([path, targets]) => {
    const room = roomOf(path);
    const allowed = room === "" ? ["", ...Object.keys(rooms)] : [room, ...rooms[room] ?? []];
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

for (const [building, rooms] of Object.entries(BUILDINGS)) {
  Deno.test(`Each room of ${building}/ imports only the rooms that it may`, () => {
    const imports = importsOf(building);
    assertEquals(new Set([...imports.keys()].map(roomOf)), new Set(["", ...Object.keys(rooms)]));
    assertEquals(misplaced(imports, rooms), []);
  });

  Deno.test(`No files of ${building}/ import each other in a circle, types included`, () => {
    assertEquals(circle(importsOf(building)), undefined);
  });
}

for (const [building, neighbours] of Object.entries(NEIGHBOURS)) {
  Deno.test(`${building}/ imports only what it may`, () => {
    const root = new URL("../../", import.meta.url).pathname;
    const outside = importsOf(building, "", true).values().flatMap((targets) => targets)
      .filter((target) => target.startsWith(root))
      .map((target) => target.slice(root.length).split("/")[0]!);
    assertEquals(new Set(outside).difference(new Set(neighbours)), new Set());
  });
}

Deno.test("An upward import and a circle are noticed", () => {
  const imports = importsOf("engine");
  imports.set("bytes/bytes.ts", [...imports.get("bytes/bytes.ts")!, "log/frame.ts"]);
  assertEquals(misplaced(imports, ENGINE), ["bytes/bytes.ts imports log/frame.ts"]);
  assertEquals(circle(imports)?.includes("log/frame.ts"), true);
});
