import { builtConsole } from '../console/build';

builtConsole();
