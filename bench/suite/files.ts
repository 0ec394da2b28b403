/**
 * Directories with all that is in them.
 *
 * @module
 */

/** Bytes of all files in it, at any depth. */
export function sizeOf(dir: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    bytes += isDirectory ? sizeOf(`${dir}/${name}`) : Deno.statSync(`${dir}/${name}`).size;
  }
  return bytes;
}

/** Copies what is in it, and waits until that is on disk. */
export function copySynced(from: string, to: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    const path = `${to}/${name}`;
    if (isDirectory) {
      Deno.mkdirSync(path);
      copySynced(`${from}/${name}`, path);
    } else {
      Deno.copyFileSync(`${from}/${name}`, path);
      using file = Deno.openSync(path, { read: true, write: true });
      file.syncSync();
    }
  }
}
