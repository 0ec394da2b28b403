/**
 * The real file system, with a word before each step that others can notice.
 *
 * @module
 */
import type { File, Files, OpenMode } from "../../engine/system/file.ts";
import { denoFiles } from "../../engine/system/deno_file.ts";

/** What changes something, or takes or gives back a lock; looking is no step. */
const STEPS =
  /^(?:writeAt|sync|syncSync|rename|remove|removeDir|makeDir|syncDir|lock|lockSync|tryLock|unlock)$/;

/** A file system that calls `before` with the name and the path of each step, before it is made. */
export function stepFiles(before: (step: string, path: string) => void): Files {
  const stepped = <T extends File | Files>(of: T): T =>
    new Proxy(of, {
      get(_, name) {
        const member = Reflect.get(of, name, of);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (typeof name === "string" && STEPS.test(name)) {
            before(name, "path" in of ? of.path : String(args[0]));
          }
          return member.apply(of, args);
        };
      },
    });
  const open = (path: string, mode: OpenMode, like?: string) => {
    if (mode.startsWith("create")) before("create", path);
    return stepped(denoFiles.open(path, mode, like));
  };
  return stepped({ ...denoFiles, open });
}
