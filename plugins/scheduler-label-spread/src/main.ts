import { schedulerMain } from '@berth/sdk/scheduler/serve';
import labelSpread from './label-spread.ts';

await schedulerMain(labelSpread);
