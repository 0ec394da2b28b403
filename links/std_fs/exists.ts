/**
 * `@std/fs/exists`: see links/README.md.
 *
 * @module
 */
import * as std from "npm:deno-std@1.3.0/fs/exists.js";

export interface ExistsOptions {
  isReadable?: boolean;
  isDirectory?: boolean;
  isFile?: boolean;
}

export const exists: (path: string | URL, options?: ExistsOptions) => Promise<boolean> = std.exists;
export const existsSync: (path: string | URL, options?: ExistsOptions) => boolean = std.existsSync;
