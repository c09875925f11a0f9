/** Of what a node has too little; told by whoever watches it. */
export interface Pressure {
  memory: boolean;
  disk: boolean;
  pid: boolean;
}

/** Tells whether the node is under pressure now. */
export interface PressureProvider {
  pressure(): Pressure;
}

/** Nobody watches. */
export const noPressure: PressureProvider = { pressure: () => ({ memory: false, disk: false, pid: false }) };
