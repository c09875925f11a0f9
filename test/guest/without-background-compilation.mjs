// For every Node in an emulated guest: V8's register of code pages fails there while several threads compile WebAssembly
// ("Check failed: it->second.Size() > offset"), as they do with undici's HTTP parser wherever that is loaded.
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-wasm-async-compilation');
setFlagsFromString('--wasm-num-compilation-tasks=0');
