package store

import "os"

// SyncData is what makes the mark durable.
var SyncData = syncData

// ReplaceSync has the marks opened from now on made durable by another function,
// until the one returned is called.
func ReplaceSync(sync func(*os.File) error) func() {
	syncMark = sync
	return func() { syncMark = syncData }
}

// OnStep has a function called at each step of a transaction.
func OnStep(f func(step string)) { testOnlyStep = f }
