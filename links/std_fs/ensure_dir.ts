/**
 * `@std/fs/ensure-dir`: see links/README.md.
 *
 * @module
 */
import * as std from "npm:deno-std@1.3.0/fs/ensure_dir.js";

export const ensureDir: (dir: string | URL) => Promise<void> = std.ensureDir;
export const ensureDirSync: (dir: string | URL) => void = std.ensureDirSync;
