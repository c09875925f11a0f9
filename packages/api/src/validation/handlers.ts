import { checkPortName, checkPortNumber } from '../names.ts';
import type { HTTPGetAction, LifecycleHandler, Probe } from '../objects.ts';
import { checkEach, checkOneOf, checkSupported, type FieldError, invalid, invalidFor, required } from './field-error.ts';

/** The actions that a probe or a life-cycle hook can take; exactly one has to be given. */
export type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

export function validateHandler(handler: Handler, path: string): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc } = handler;
  return [
    ...checkOneOf(path, handler, 'handler type'),
    ...(exec && !exec.command?.length ? [required(`${path}.exec.command`)] : []),
    ...(httpGet ? validateHttpGet(httpGet, `${path}.httpGet`) : []),
    ...(tcpSocket ? validatePortReference(tcpSocket.port, `${path}.tcpSocket.port`) : []),
    ...(grpc ? invalidFor(`${path}.grpc.port`, grpc.port, checkPortNumber(grpc.port)) : []),
  ];
}

function validateHttpGet({ port, scheme, httpHeaders }: HTTPGetAction, path: string): FieldError[] {
  return [
    ...validatePortReference(port, `${path}.port`),
    ...checkSupported(`${path}.scheme`, scheme, ['HTTP', 'HTTPS']),
    ...checkEach(`${path}.httpHeaders`, httpHeaders, ({ name }, at) =>
      /^[-A-Za-z0-9]+$/.test(name ?? '')
        ? []
        : [
            invalid(
              `${at}.name`,
              name ?? '',
              "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
            ),
          ],
    ),
  ];
}

function validatePortReference(port: number | string | undefined, path: string): FieldError[] {
  if (port === undefined) return [required(path)];
  return invalidFor(path, port, typeof port === 'number' ? checkPortNumber(port) : checkPortName(port));
}
