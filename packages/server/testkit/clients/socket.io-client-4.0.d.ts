/** Its package has types, but does not export them to ES modules. */
declare module "socket.io-client-4.0" {
  export { io } from "socket.io-client";
}
