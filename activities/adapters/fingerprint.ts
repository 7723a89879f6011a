import { createHash } from 'node:crypto';

/** Names content without telling it: `sha256:` and the first 16 hexadecimal digits. */
export function fingerprintOf(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
}
