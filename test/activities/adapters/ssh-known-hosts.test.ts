import { createHmac } from 'node:crypto';

import { hostKeysOf } from '../../../activities/adapters/ssh-known-hosts';

const ours = Buffer.from('the key of the host');
const other = Buffer.from('another key');
const [base64, otherBase64] = [ours, other].map((key) => key.toString('base64'));
const judged = (text: string, host = 'Node-1.example', port = 22) =>
  hostKeysOf(text, host, port).judge(ours);

function hashed(name: string): string {
  const salt = Buffer.alloc(20, 7);
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return `|1|${salt.toString('base64')}|${hash}`;
}

it.each([
  ['by name', `node-1.example ssh-ed25519 ${base64}`],
  ['among several', `other,node-1.example,10.0.0.1 ssh-ed25519 ${base64} a comment`],
  ['by a pattern', `*.example ssh-ed25519 ${base64}`],
  ['by a pattern of single characters', `node-?.example ssh-ed25519 ${base64}`],
  ['by a hash', `${hashed('node-1.example')} ssh-ed25519 ${base64}`],
  ['by one of two keys', `*  ssh-rsa ${otherBase64}\r\n*\tssh-ed25519  ${base64}\r\n`],
])('knows a host %s', (_, text) => {
  expect(judged(text)).toBe('known');
});

it.each([
  ['in an empty file', ''],
  ['in a comment', `#node-1.example ssh-ed25519 ${base64}`],
  ['at another port', `[node-1.example]:2222 ssh-ed25519 ${base64}`],
  ['that a pattern excludes', `*.example,!node-1.example ssh-ed25519 ${base64}`],
  ['by the hash of another name', `${hashed('node-2.example')} ssh-ed25519 ${base64}`],
  ['by a broken hash', `|1||x ssh-ed25519 ${base64}`],
  ['by a dot that stands for itself', `node-1xexample ssh-ed25519 ${base64}`],
  ['by an authority', `@cert-authority *.example ssh-ed25519 ${base64}`],
  ['by half a line', 'node-1.example ssh-ed25519'],
])('does not know a host %s', (_, text) => {
  expect(judged(text)).toBe('unknown-host');
});

it('knows a host at another port by host and port', () => {
  const text = `[node-1.example]:2222 ssh-ed25519 ${base64}`;
  expect(judged(text, 'node-1.example', 2222)).toBe('known');
  expect(judged(`${hashed('[::1]:2222')} ssh-ed25519 ${base64}`, '::1', 2222)).toBe('known');
});

it('tells another key from an unknown host', () => {
  expect(judged(`node-1.example ssh-ed25519 ${otherBase64}`)).toBe('other-key');
});

it('refuses a revoked key, whatever else is said of it', () => {
  const text = `node-1.example ssh-ed25519 ${base64}\n@revoked * ssh-ed25519 ${base64}\n`;
  expect(judged(text)).toBe('revoked');
});

it('tells the types of the keys that it has, each once', () => {
  const line = (type: string) => `node-1.example ${type} ${base64}\n`;
  const text = ['ssh-rsa', 'ssh-ed25519', 'ssh-rsa'].map(line).join('');
  expect(hostKeysOf(text, 'node-1.example', 22).types).toEqual(['ssh-rsa', 'ssh-ed25519']);
});
