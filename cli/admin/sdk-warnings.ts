/** Disables the SDK's warning about the end of support of a Node version: users of the program cannot act on it. */
export function silenceSdkNodeWarning(): void {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
}
