// A PortError as an observation tells it.

import type { Problem } from '../domain/observation';
import type { PortError } from './ports';

/** Codes that a Problem does not know mean that the answer was not what it should be. */
export function problemOf({ code, message }: PortError): Problem {
  switch (code) {
    case 'not-found':
    case 'conflict':
    case 'rejected':
    case 'full':
      return { code: 'unexpected', message };
    case 'unreachable':
    case 'unauthorized':
    case 'forbidden':
    case 'timeout':
    case 'unexpected':
      return { code, message };
  }
}
