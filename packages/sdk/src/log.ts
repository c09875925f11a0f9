/** Where a long-running part of a program tells what happens: pino's loggers are such ones. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
