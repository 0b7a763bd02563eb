// Package tray puts an icon into the notification area: how many documents wait, what is not sent yet, the way to the
// desk, and an end. It is a convenience: where there is no tray (no desktop, no StatusNotifierWatcher, another system)
// it says so and nothing else fails. It must not know what the agent does: it is told numbers and calls back.
package tray
