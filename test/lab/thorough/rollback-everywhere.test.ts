// Both hops, with three members and with one, rolled back from every step.

import { describeRollbacksFromEverywhere } from '../../support/rollbacks-from-everywhere';

jest.setTimeout(1_200_000);

describeRollbacksFromEverywhere(3, '1.28');
describeRollbacksFromEverywhere(3, '1.29');
describeRollbacksFromEverywhere(1, '1.28');
describeRollbacksFromEverywhere(1, '1.29');
