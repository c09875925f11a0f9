import type { Container, ContainerRestartRule } from '../objects.ts';
import { checkEach, checkSupported, type FieldError, required, tooMany } from './field-error.ts';

const mostRules = 20;
const mostExitCodes = 255;

/** A container's own restart policy, and the rules by exit code that go before it. */
export function validateRestartRules({ restartPolicy, restartPolicyRules: rules = [] }: Container, path: string): FieldError[] {
  const at = `${path}.restartPolicyRules`;
  return [
    ...checkSupported(`${path}.restartPolicy`, restartPolicy, ['Always', 'Never', 'OnFailure']),
    ...(rules.length > 0 && !restartPolicy
      ? [required(`${path}.restartPolicy`, 'must specify restartPolicy when restartPolicyRules is specified')]
      : []),
    ...(rules.length > mostRules ? [tooMany(at, rules.length, mostRules)] : []),
    ...checkEach(at, rules, validateRule),
  ];
}

function validateRule({ action, exitCodes }: ContainerRestartRule, path: string): FieldError[] {
  const { operator, values = [] } = exitCodes ?? {};
  return [
    ...(action ? checkSupported(`${path}.action`, action, ['Restart', 'RestartAllContainers']) : [required(`${path}.action`)]),
    ...(exitCodes ? [] : [required(`${path}.exitCodes`, 'must be specified')]),
    ...(exitCodes && !operator ? [required(`${path}.exitCodes.operator`)] : []),
    ...checkSupported(`${path}.exitCodes.operator`, operator, ['In', 'NotIn']),
    ...(values.length > mostExitCodes ? [tooMany(`${path}.exitCodes.values`, values.length, mostExitCodes)] : []),
  ];
}
