/**
 * A registry on loopback that does what JSR does for Deno: it takes what `deno publish` sends, and
 * serves it as <https://jsr.io/docs/api> says, so that nothing here tells what a package is made of.
 * Left out is `moduleGraph2`, what each module imports: without it, Deno looks into the modules.
 *
 * @module
 */
import { assert, assertMatch } from "@std/assert";

type Bytes = Uint8Array<ArrayBuffer>;

interface Version {
  readonly exports: Record<string, string>;
  /** The bytes of each file by its path, which begins with a slash. */
  readonly files: Map<string, Bytes>;
  /** What the registry vouches for, as it was when the version was published. */
  readonly manifest: Record<string, { size: number; checksum: string }>;
}

/** A registry in this process; disposing ends it. */
export interface Registry extends AsyncDisposable {
  /** For `JSR_URL`. */
  readonly url: string;
  /** Each package by its name, like `@psbase/psbase`, its versions by their number. */
  readonly packages: Map<string, Map<string, Version>>;
  /** The paths that were asked for, in their order. */
  readonly asked: string[];
  /** Calls `deno publish` in a directory. */
  publish(directory: URL): Promise<void>;
}

/** Starts a registry without packages. */
export function startRegistry(): Registry {
  const packages: Registry["packages"] = new Map();
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      asked.push(new URL(request.url).pathname);
      return answer(packages, request);
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  return {
    url,
    packages,
    asked,
    async publish(directory) {
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        // `deno task ok` checks the types of what would be published.
        args: ["publish", "--allow-dirty", "--no-check", "--no-provenance", "--token", "none"],
        cwd: directory,
        env: { JSR_URL: url, NO_COLOR: "1" },
      }).output();
      assert(success, new TextDecoder().decode(stderr));
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function answer(packages: Registry["packages"], request: Request): Promise<Response> {
  const path = decodeURIComponent(new URL(request.url).pathname);
  const [, scope, name, version] =
    /^\/api\/scopes\/([^/]+)\/packages\/([^/]+)(?:\/versions\/([^/]+))?$/.exec(path) ?? [];
  if (request.method === "POST" && version !== undefined) {
    const versions = packages.get(`@${scope}/${name}`) ?? new Map();
    packages.set(`@${scope}/${name}`, versions.set(version, await received(request)));
    return Response.json({ id: "1", status: "success", error: null });
  }
  // Every package may be published, no version is there yet.
  if (name !== undefined && version === undefined) return Response.json({});
  return fileOf(packages, path) ?? new Response("Not found", { status: 404 });
}

function fileOf(packages: Registry["packages"], path: string): Response | undefined {
  const [, name, rest] = /^\/(@[^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  const versions = packages.get(name ?? "");
  if (versions === undefined || rest === undefined) return undefined;
  if (rest === "meta.json") {
    const numbers = [...versions.keys()];
    const entries = numbers.map((number) => [number, {}]);
    return Response.json({ name, latest: numbers.at(-1), versions: Object.fromEntries(entries) });
  }
  for (const [number, { exports, manifest, files }] of versions) {
    if (rest === `${number}_meta.json`) return Response.json({ exports, manifest });
    const file = rest.startsWith(`${number}/`) && files.get(rest.slice(number.length));
    if (file) return new Response(file);
  }
  return undefined;
}

/** The version in a request of `deno publish`: a tar archive, and the path of its configuration. */
async function received(request: Request): Promise<Version> {
  const stream = request.body!.pipeThrough(new DecompressionStream("gzip"));
  const files = unpacked(new Uint8Array(await new Response(stream).arrayBuffer()));
  const config = files.get(new URL(request.url).searchParams.get("config")!);
  const { exports } = JSON.parse(new TextDecoder().decode(config));
  const manifest: Version["manifest"] = {};
  for (const [path, bytes] of files) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    manifest[path] = { size: bytes.length, checksum: `sha256-${hash}` };
  }
  return { exports: typeof exports === "string" ? { ".": exports } : exports, files, manifest };
}

const TAR_BLOCK = 512;

/** The plain files in a tar archive. */
function unpacked(archive: Bytes): Version["files"] {
  const files: Version["files"] = new Map();
  const text = (start: number, length: number) =>
    new TextDecoder().decode(archive.subarray(start, start + length)).replace(/\0[^]*$/, "");
  for (let at = 0; archive[at]! > 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    // Deno leaves the kind of a plain file out.
    assertMatch(text(at + 156, 1), /^0?$/);
    const path = text(at, 100);
    at += TAR_BLOCK;
    files.set(`/${path.replace(/^\.?\//, "")}`, archive.slice(at, at + size));
    at += Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  return files;
}
