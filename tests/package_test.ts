import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import type { Outcome } from "./helpers/cli.ts";
import { build } from "../tools/build.ts";
import { type Registry, startRegistry } from "./helpers/jsr.ts";

/** What a page tells to type, or to write. */
function told(pattern: RegExp, page = "README.md"): string {
  const [, text] = pattern.exec(Deno.readTextFileSync(new URL(`../${page}`, import.meta.url)))!;
  return text!.trim();
}

/** A directory of somebody who has never heard of psbase, with a cache of his own. */
class Stranger implements AsyncDisposable {
  readonly dir: string = Deno.makeTempDirSync({ prefix: "psbase_" });
  readonly #env: Record<string, string>;

  constructor(registry: Registry, npmCache: string) {
    const cache = `${this.dir}/.cache`;
    Deno.mkdirSync(cache);
    // The packages of `links` lead to npm: what these tests have loaded is not loaded again.
    Deno.symlinkSync(npmCache, `${cache}/npm`);
    this.#env = {
      DENO_DIR: cache,
      DENO_INSTALL_ROOT: `${this.dir}/.deno`,
      JSR_URL: registry.url,
      NO_COLOR: "1",
      PATH: [`${this.dir}/.deno/bin`, Deno.execPath().replace(/\/[^/]+$/, ""), Deno.env.get("PATH")]
        .join(":"),
    };
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.dir}/${name}`, text);
  }

  /** Types a line into a shell. */
  async types(line: string): Promise<Outcome> {
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", line],
      cwd: this.dir,
      env: this.#env,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** What is printed by a line that goes well. */
  async gets(line: string): Promise<string> {
    const { code, out, err } = await this.types(line);
    assertEquals(code, 0, `${line}: ${err}`);
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** What can be linked to in a page: its headings, as GitHub and JSR name them. */
function anchors(page: Uint8Array): Set<string> {
  const headings = new TextDecoder().decode(page).matchAll(/^#+ (.*)$/gm);
  const names = [...headings].map(([, text]) => text!.toLowerCase().replaceAll(/[^\w -]/g, ""));
  return new Set(names.map((name) => `#${name.replaceAll(" ", "-")}`));
}

const PROGRAM = `
import { PsBase, type RowOf } from "jsr:@psbase/psbase";
import { Base } from "jsr:@psbase/psbase/base";
import { PsLock } from "jsr:@psbase/psbase/lock";

using lock = new PsLock("lock");
const crew = await lock.run(() => PsBase.create("crew", { name: "string", age: "integer" }));
const id: number = await crew.insert({ name: "homer", age: 39 });
const row: RowOf<typeof crew> | undefined = crew.get(id);
const age: number | null | undefined = row?.age;
console.log(age, crew instanceof Base);
await crew.close();
`;

Deno.test({
  name: "The package installs as README says when it is published",
  ignore: Deno.build.os === "windows",
  async fn(t) {
    const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
    const { npmCache } = JSON.parse(new TextDecoder().decode(info.stdout));
    await using registry = startRegistry();
    await using stranger = new Stranger(registry, npmCache);
    // As in the repository, where git ignores what is built.
    stranger.write(".gitignore", "/package/\n");
    const built = new URL(`file://${stranger.dir}/package/`);
    await build(built);
    for (const link of config.links) {
      await registry.publish(new URL(`../${link}/`, import.meta.url));
    }
    await registry.publish(built);
    const { files, exports } = registry.packages.get(config.name)!.get(config.version)!;
    const text = (path: string) => new TextDecoder().decode(files.get(path));

    await t.step("It holds what JSR scores", () => {
      for (const name of ["/README.md", "/LICENSE"]) assert(files.has(name), name);
      for (const path of Object.values(exports)) {
        const [, types] = /^\/\/ @ts-self-types="\.\.(.+)"\n/.exec(text(path.slice(1))) ?? [];
        const source = types ?? path.slice(1);
        assertMatch(text(source), /^\/\*\*\n \* [^]+? \* @module\n \*\/\n/, source);
      }
    });

    await t.step("Its pages link only to what is in it", () => {
      for (const [page, bytes] of files) {
        if (!page.endsWith(".md")) continue;
        for (const [, link] of new TextDecoder().decode(bytes).matchAll(/\]\(([^)]+)\)/g)) {
          const { host, pathname, hash } = new URL(link!, `http://package${page}`);
          if (host !== "package") continue;
          assert(files.has(pathname), `${page} links to ${link}`);
          if (hash !== "") assert(anchors(files.get(pathname)!).has(hash), `${page}: ${link}`);
        }
      }
    });

    await t.step("A program imports it, with its types, and needs its directory only", async () => {
      stranger.write("main.ts", PROGRAM);
      const program = "deno run --no-prompt --allow-read=. --allow-write=. main.ts";
      assertEquals(await stranger.gets(program), "39 true\n");
      stranger.write("wrong.ts", PROGRAM.replace("age: 39", `age: "39"`));
      // Together, as the compiler takes longer to begin than to check a program.
      const { code, err } = await stranger.types("deno check main.ts wrong.ts");
      assertEquals(code, 1);
      assertMatch(err, /^TS.+: Type 'string' is not assignable to type 'number'/m);
      assertEquals(err.match(/^TS\d+ /gm)?.length, 1, err);
      assertMatch(err, /at .+\/wrong\.ts/);
    });

    await t.step("It needs the permissions that docs/reference.md lists", async () => {
      const can = async (does: string, ...flags: string[]) => {
        stranger.write("does.ts", `import { PsBase } from "jsr:@psbase/psbase";\n${does}`);
        return (await stranger.types(`deno run --no-prompt ${flags.join(" ")} does.ts`)).code === 0;
      };
      const read = `PsBase.openSync("crew", { readOnly: true }).select();`;
      assert(!await can(read));
      assert(await can(read, "--allow-read=crew"));
      const write = `PsBase.openSync("crew").updateSync(0, { age: 39 });`;
      assert(!await can(write, "--allow-read=crew"));
      assert(await can(write, "--allow-read=crew", "--allow-write=crew"));
      const create = `PsBase.createSync("guests", { name: "string" }, { mode: "open" });`;
      assert(!await can(create, "--allow-read=guests", "--allow-write=guests"));
      assert(await can(create, "--allow-read=.", "--allow-write=guests"));
      const backup = `PsBase.openSync("crew", { readOnly: true }).backupSync("guests");`;
      const destroy = `PsBase.openSync("guests").destroySync();`;
      assert(await can(destroy, "--allow-read=.", "--allow-write=guests"));
      assert(!await can(backup, "--allow-read=crew,guests", "--allow-write=guests"));
      assert(await can(backup, "--allow-read=.", "--allow-write=guests"));
    });

    await t.step("The command runs from it", async () => {
      const psbase = "deno run -A jsr:@psbase/psbase/cli";
      assertEquals(await stranger.gets(`${psbase} --version`), `psbase ${config.version}\n`);
      assertEquals(await stranger.gets(`${psbase} count crew 'age>30'`), "1\n");
    });

    await t.step("The storm runs from it, without a clone", async () => {
      const storm = "deno run -A jsr:@psbase/psbase/storm --processes 3 --rounds 2 --rows 50";
      assertMatch(await stranger.gets(storm), /Nothing lost, doubled or failed\.\n$/);
    });

    await t.step("The first program of README runs as pasted, twice", async () => {
      stranger.write("people.ts", told(/^```ts ignore\n([^]+?)^```/m));
      const program = "deno run --check --no-prompt --allow-read=. --allow-write=. people.ts";
      const printed = await stranger.gets(program);
      assertMatch(printed, /homer/);
      assertEquals(await stranger.gets(program), printed);
    });

    await t.step("A project adds it, and imports it by its name", async () => {
      stranger.write("deno.json", "{}");
      await stranger.gets(told(/`(deno add [^`]+)`/));
      const { imports } = JSON.parse(await stranger.gets("cat deno.json"));
      assertEquals(imports, { [config.name]: `jsr:${config.name}@^${config.version}` });
      stranger.write("added.ts", `import "${config.name}";\nconsole.log("there");\n`);
      assertEquals(await stranger.gets("deno run added.ts"), "there\n");
    });

    await t.step("The command is installed, and runs", async () => {
      const install = told(/^(deno install [^#\n]+)/m);
      for (const page of ["docs/cli.md", "docs/tour.md"]) {
        assertEquals(told(/(deno install [^`\n]+)/, page), install);
      }
      await stranger.gets(install);
      assertEquals(await stranger.gets("psbase --version"), `psbase ${config.version}\n`);
      await stranger.gets("psbase create houses street:string");
      await stranger.gets("psbase insert houses street='Evergreen Terrace'");
      assertMatch(await stranger.gets("psbase select houses"), /"street":"Evergreen Terrace"/);
    });

    await t.step(
      "A program loads a few files, and the shell none of the sources either",
      async () => {
        await using other = new Stranger(registry, npmCache);
        other.write("main.ts", PROGRAM + 'PsBase.openSync("houses");\n');
        registry.asked.length = 0;
        const { out, err } = await other.types("deno run -A main.ts");
        assertEquals(out, "39 true\n");
        assert(registry.asked.length < 16, registry.asked.join("\n"));
        assertMatch(err, /BaseNotFoundError: .+\n +at openError .+\n +at Store\.open /);
        assertMatch(err, /at PsBase\.openSync .+\n +at .+main\.ts:13:8\n/);
        const shell = "deno run -A jsr:@psbase/psbase/cli shell crew";
        assertEquals(await other.gets(`echo base.size | ${shell}`), "1\n");
        const sources = registry.asked.filter((path) => /^\/@psbase\/.+\.ts$/.test(path));
        assertEquals(sources, []);
      },
    );

    await t.step("A file that was changed since it was published is refused", async () => {
      await using other = new Stranger(registry, npmCache);
      const path = "/dist/mod.js";
      const bytes = files.get(path)!;
      files.set(path, new Uint8Array([...bytes, 0x0a]));
      other.write("main.ts", PROGRAM);
      const { code, err } = await other.types("deno run -A main.ts");
      assert(code !== 0);
      assertMatch(err, /Integrity check failed[^]*\/dist\/mod\.js\n/);
    });
  },
});
