/**
 * File systems that are mounted for a test: full ones, read-only ones. Linux, and root, only.
 *
 * @module
 */

/** What was mounted; disposing unmounts it. */
export interface Mount extends Disposable {
  /** Where. */
  readonly path: string;
}

function mount(path: string, ...args: string[]): Mount {
  run("mount", ...args, path);
  // At once, also where a test left something open.
  return { path, [Symbol.dispose]: () => run("umount", "--lazy", path) };
}

function run(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

/** A file system of so many bytes, in memory, mounted on the directory at `path`. */
export function mountSmall(path: string, bytes: number): Mount {
  return mount(path, "-t", "tmpfs", "-o", `size=${bytes}`, "psbase_test");
}

/** What is at `from`, to be seen at `path` too, but not to be written there. */
export function mountReadOnly(from: string, path: string): Mount {
  const mounted = mount(path, "--bind", from);
  run("mount", "-o", "remount,ro,bind", path);
  return mounted;
}

/** Why nothing can be mounted here, empty if it can. */
export function whyNoMounts(): string {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "only root on Linux may mount";
  const path = Deno.makeTempDirSync({ prefix: "psbase_mount_" });
  try {
    mountSmall(path, 4096)[Symbol.dispose]();
    return "";
  } catch {
    return "the system lets nobody mount";
  } finally {
    Deno.removeSync(path);
  }
}
