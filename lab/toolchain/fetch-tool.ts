// Gets one official executable: download, checksum, unpacking.

import { rename } from 'node:fs/promises';
import path from 'node:path';

import { extract } from 'tar';

import { messageOf } from '../lab-error';
import { isExecutableFile } from './cache';
import type { Release, ReleaseDownload, Tool } from './catalogue';
import type { Downloader } from './download';
import { fillIn } from './platform';
import { ToolchainError } from './toolchain-problem';

export interface FetchOptions {
  readonly downloader: Downloader;
  /** amd64 or arm64. */
  readonly arch: string;
  /** A directory that is thrown away later, shared by the tools of one release. */
  readonly scratch: string;
  readonly onBytes: (url: string, receivedBytes: number, totalBytes: number | undefined) => void;
  readonly signal: AbortSignal | undefined;
}

/** Archives of this run that are there already, by address: several tools come from one. */
export type ArchiveMemory = Map<string, Promise<string>>;

/**
 * Answers the executable's path in the scratch directory. Throws ToolchainError with a problem
 * about the download.
 */
export async function fetchTool(
  tool: Tool,
  download: ReleaseDownload,
  release: Release,
  archives: ArchiveMemory,
  options: FetchOptions,
): Promise<string> {
  const fill = (template: string): string => fillIn(template, release.version, options.arch);
  const url = fill(download.url);
  const checksumUrl = fill(download.checksumUrl);
  const file = path.join(options.scratch, tool.name);
  if (download.member === undefined) {
    await fetchVerified(url, checksumUrl, file, options);
    return file;
  }
  const archive = archives.get(url) ?? fetchArchive(url, checksumUrl, options);
  archives.set(url, archive);
  await unpackMember(options.downloader.locate(url), await archive, fill(download.member), file);
  return file;
}

async function fetchVerified(
  url: string,
  checksumUrl: string,
  file: string,
  options: FetchOptions,
): Promise<void> {
  const onBytes = (received: number, total: number | undefined): void => {
    options.onBytes(url, received, total);
  };
  const { signal } = options;
  const target = { url, file, onBytes, ...(signal === undefined ? {} : { signal }) };
  await options.downloader.verified(target, checksumUrl);
}

async function fetchArchive(
  url: string,
  checksumUrl: string,
  options: FetchOptions,
): Promise<string> {
  const file = path.join(options.scratch, path.basename(new URL(url).pathname));
  await fetchVerified(url, checksumUrl, file, options);
  return file;
}

/** Throws ToolchainError `archive-unusable` when the member is not there or the archive is none. */
export async function unpackMember(
  url: string,
  archive: string,
  member: string,
  file: string,
): Promise<void> {
  const folder = path.dirname(file);
  const unpacked = path.join(folder, member);
  const refuse = (why: string, cause?: unknown): never => {
    throw new ToolchainError([{ code: 'archive-unusable', url, why }], { cause });
  };
  try {
    await extract({ file: archive, cwd: folder, strict: true }, [member]);
  } catch (error) {
    return refuse(messageOf(error), error);
  }
  if (!(await isExecutableFile(unpacked))) return refuse(`it holds no executable ${member}`);
  if (unpacked !== file) await rename(unpacked, file);
}
