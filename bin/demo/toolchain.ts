// Installs what the lab runs before the lab is asked for, so that a first build of half an hour
// has its own lines and its own estimate.

import { describeProgress } from '../../lab/toolchain/progress';
import { resolveToolchain } from '../../lab/toolchain/resolve';

/** Silent when everything is there. Throws ToolchainError with every problem at once. */
export async function prepareToolchain(
  line: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await resolveToolchain(undefined, {
    signal,
    onProgress: (event) => {
      const text = describeProgress(event);
      if (text !== undefined) line(text);
    },
  });
}
