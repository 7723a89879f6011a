// Which kubectl people can look at a lab with.

import { usualKubernetes } from './toolchain/catalogue';
import { onPath } from './toolchain/installed';
import { resolveBinary } from './toolchain/resolve';
import type { Environment } from './toolchain/settings';
import { ToolchainError } from './toolchain/toolchain-problem';

/**
 * `kubectl` where the PATH has one, else the path of the catalogue's where that is installed; one
 * that must be fetched first is none. Undefined when there is none. A kubectl may be one minor away
 * from the API server (kubernetes.io/releases/version-skew-policy), so that of the middle release
 * comes first: it is right before, between and after the hops of a demo.
 */
export async function findKubectl(env: Environment = process.env): Promise<string | undefined> {
  if ((await onPath('kubectl', env)).length > 0) return 'kubectl';
  const here = { ...env, ASCENT_TOOLCHAIN_SOURCES: 'environment,cache' };
  const [oldest, middle, newest] = usualKubernetes;
  for (const version of [middle, newest, oldest]) {
    try {
      return (await resolveBinary('kubectl', { env: here, version })).path;
    } catch (error) {
      if (!(error instanceof ToolchainError)) throw error;
    }
  }
  return undefined;
}
