export function FailedEvents() {
  return null;
}
