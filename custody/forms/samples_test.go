package forms_test

import (
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
)

var noon = time.Date(2026, 11, 26, 2, 15, 0, 0, time.UTC)

func head(code string) forms.Head {
	return forms.Head{Superior: "Ủy ban nhân dân xã Hoa Sen", Issuer: "Trường Mầm non Hoa Sen", Place: "Hoa Sen", Number: "07", Symbol: code, Date: "2026-02-05",
		SignerTitle: "Hiệu trưởng", SignerName: "ThS. Trần Thị Hồng Nhung", Recipients: "Như trên\nPhó Hiệu trưởng\nLưu: VT"}
}

func device(kind custody.TokenKind) forms.Device {
	return forms.Device{Kind: kind, Label: "USB ký số nhà trường", Model: "TokenME EVO v2", Serial: "5409 1234 8877", Condition: "Nguyên vẹn, hoạt động tốt", Accessories: "Nắp, dây đeo",
		Certificate: forms.Certificate{Name: "TRƯỜNG MẦM NON HOA SEN", Serial: "54010101a3b2c4d5e6f708192a3b4c5d", Issuer: "CA phục vụ các cơ quan Nhà nước G2", Email: "mnhoasen@example.gov.vn",
			From: "2025-03-01", Until: "2028-03-01"}}
}

func signed(n int) []forms.Signed {
	rows := make([]forms.Signed, n)
	for i := range rows {
		rows[i] = forms.Signed{At: noon.Add(time.Duration(i) * time.Hour), Number: fmt.Sprintf("%02d/TB-MNHS", i+1), Kind: "TB", Summary: "Về việc tổ chức hội thi giáo viên dạy giỏi cấp trường năm học 2026-2027",
			Signer: "Trần Thị Hồng Nhung", Act: "approve", Serial: "54010101a3b2c4d5e6f70819", Result: "Đã ký"}
	}
	return rows
}

func contact() forms.Contact {
	return forms.Contact{Party: forms.Party{Name: "Lê Minh Quân", Title: "Tổ trưởng văn phòng", Unit: "Tổ Văn phòng"}, Identity: "001099012345", IdentityDate: "2022-05-04",
		IdentityIssuer: "Cục Cảnh sát quản lý hành chính về trật tự xã hội", Phone: "0900 000 000", Email: "quan@example.gov.vn", Address: "Thôn 2, xã Hoa Sen, tỉnh Ninh Bình"}
}

const authority = "Cục Chứng thực số và Bảo mật thông tin, Ban Cơ yếu Chính phủ"

// samples are facts of every kind, filled in.
func samples() map[forms.Kind]forms.Facts {
	principal := forms.Party{Name: "ThS. Trần Thị Hồng Nhung", Title: "Hiệu trưởng"}
	clerk := forms.Party{Name: "Lê Minh Quân", Title: "Tổ trưởng văn phòng", Unit: "Tổ Văn phòng"}
	moves := []forms.HandOverRow{}
	for i := range 40 {
		moves = append(moves, forms.HandOverRow{At: noon.Add(time.Duration(i) * 24 * time.Hour), Serial: "5409 1234 8877", Kind: custody.Seal, Giver: "Trần Thị Hồng Nhung", Receiver: "Lê Minh Quân",
			Reason: "tạm giao khi nghỉ phép", Minutes: fmt.Sprintf("%02d/BB-MNHS", i+1), Until: "2026-12-31", Remark: "Đã tiếp nhận"})
	}
	return map[forms.Kind]forms.Facts{
		forms.HandOverMinutes: &forms.HandOver{Head: head("BB-MNHS"), At: noon, Where: "Văn phòng Trường Mầm non Hoa Sen", Permission: "12/QĐ-MNHS", PermissionDate: "2026-09-01", PermissionBy: "Hiệu trưởng",
			Regulation: "Quy chế của Ban Chỉ đạo chuyển đổi số Trường Mầm non Hoa Sen ban hành kèm theo Quyết định số 135/QĐ-MNHS", Giver: principal, Receiver: clerk,
			Witness: forms.Party{Name: "Phạm Thu Hà", Title: "Phó Hiệu trưởng"}, Reason: "giao mới cho người giữ con dấu", Device: device(custody.Seal), PINChanged: "yes",
			Scope: "Ký số của cơ quan trên văn bản đã có chữ ký số của người có thẩm quyền.\nKý số văn bản kèm theo, sao y.", Entries: "12 và 13"},
		forms.LossReport: &forms.Loss{Head: head("BC-MNHS"), Kind: custody.Lost, To: "Hiệu trưởng Trường Mầm non Hoa Sen\n" + authority, Reporter: clerk, Phone: "0900 000 000", Email: "quan@example.gov.vn",
			Device: device(custody.Seal), DiscoveredAt: noon.Add(-time.Hour), Where: "Tại nhà riêng", ReportedAt: noon, LastUse: "16 giờ 20 phút, ngày 25 tháng 11 năm 2026, ký văn bản số 41/TB-MNHS",
			Events: "Sáng ngày 26 tháng 11 năm 2026, tôi mở tủ để ký văn bản thì không thấy thiết bị.\nTôi đã tìm tại phòng làm việc và trên đường về nhà nhưng không thấy.", PINExposed: "no", AtRisk: signed(3),
			Done: "Khóa thiết bị trên hệ thống lúc 09 giờ 15 phút.", Asked: "Thu hồi chứng thư và cấp thiết bị mới.", ReportedEntry: 57},
		forms.RevocationRequest: &forms.Revocation{Head: head("MNHS-VP"), To: authority, Contact: contact(), Device: device(custody.Seal),
			Subscriber: forms.Subscriber{TaxCode: "2700123456", BudgetCode: "1098765", Email: "mnhoasen@example.gov.vn"}, Reason: "Thiết bị lưu khóa bí mật bị mất ngày 26/11/2026"},
		forms.RecoveryRequest: &forms.Recovery{Head: head("MNHS-VP"), To: "Sở Khoa học và Công nghệ tỉnh Ninh Bình", Contact: contact(), Device: device(custody.Personal), Email: "nhung@example.gov.vn",
			Unit: "Trường Mầm non Hoa Sen, xã Hoa Sen", Reason: "nhập sai mã PIN quá số lần cho phép"},
		forms.RenewalRequest: &forms.Renewal{Head: head("MNHS-VP"), To: "Sở Khoa học và Công nghệ tỉnh Ninh Bình", Contact: clerk, Phone: "0900 000 000", Device: device(custody.Personal), Email: "nhung@example.gov.vn",
			Renew: "yes", Old: "Trường Mầm non Hoa Mai", New: "Trường Mầm non Hoa Sen"},
		forms.DeviceMinutes: &forms.DeviceDelivery{Head: head("BB-MNHS"), At: "08 giờ 30 phút", Day: "2026-12-03", Where: "Trụ sở Cục Chứng thực số và Bảo mật thông tin", GiverBody: "Trường Mầm non Hoa Sen", Giver: clerk,
			ReceiverBody: authority, Device: device(custody.Seal), Reason: "chứng thư hết hạn", RevokedOn: "2026-12-01"},
		forms.LostDevice: &forms.DeviceLoss{Head: head("BB-MNHS"), To: authority, Keeper: clerk, Device: device(custody.Seal), LostOn: "08 giờ 15 phút, ngày 26 tháng 11 năm 2026", Where: "Tại nhà riêng",
			Events: "Người giữ thiết bị không thấy thiết bị trong tủ.", Searched: "Đã tìm tại phòng làm việc, niêm yết thông báo.", Request: "09/MNHS-VP ngày 26/11/2026", RevokedOn: "2026-12-01"},
		forms.CheckMinutes: &forms.Check{Head: head("BB-MNHS"), Kind: custody.MonthlyCheck, Period: "2026-11", OpenedAt: noon.Add(-96 * time.Hour), ClosedAt: noon, Due: "2026-11-27", Where: "Văn phòng Trường Mầm non Hoa Sen",
			Members: "Trần Thị Hồng Nhung, Hiệu trưởng\nLê Minh Quân, Tổ trưởng văn phòng", Opinion: "Các thiết bị có mặt đủ, trừ một thiết bị của người đang đi công tác.", Asked: "Kiểm tra lại thiết bị còn thiếu trước ngày 05/12/2026.",
			Secretary: clerk, Entries: "40 và 47", Items: []forms.CheckedToken{
				{Serial: "5409 1234 8877", Label: "USB ký số nhà trường", Kind: custody.Seal, Keeper: "Lê Minh Quân", Outcome: custody.CheckProved, At: noon.Add(-time.Hour), Entry: 44},
				{Serial: "5409 1234 0001", Kind: custody.Personal, Keeper: "Trần Thị Hồng Nhung", Outcome: custody.CheckProved, At: noon.Add(-2 * time.Hour), Entry: 43},
				{Serial: "5409 1234 0002", Kind: custody.Personal, Outcome: custody.CheckSeen, At: noon.Add(-3 * time.Hour), Entry: 42, Remark: "Trần Thị Hồng Nhung, Lê Minh Quân"},
				{Serial: "5409 1234 0003", Kind: custody.Personal, Keeper: "Phạm Thu Hà", Outcome: custody.CheckExcused, At: noon.Add(-4 * time.Hour), Entry: 41, Remark: "Đi công tác"}}},
		forms.HandOverRegister: &forms.HandOverList{Head: head(""), Period: forms.Period{From: "2026-01-01", Until: "2026-12-31"}, Volume: "01", Rows: moves},
		forms.IncidentRegister: &forms.IncidentList{Head: head(""), Period: forms.Period{From: "2026-01-01", Until: "2026-12-31"}, Rows: []forms.IncidentRow{{DiscoveredAt: noon, Reporter: "Lê Minh Quân",
			Serial: "5409 1234 8877", Kind: custody.Suspected, ReportedAt: noon.Add(time.Hour), Authority: "10:30 26/11/2026, 09/MNHS-VP", RevokedAt: noon.Add(48 * time.Hour), Device: "Mẫu 09: 03/BB-MNHS", Result: "Đang xử lý"}}},
		forms.OutgoingRegister: &forms.OutgoingList{Head: head(""), Period: forms.Period{From: "2026-11-01", Until: "2026-11-30"}, Rows: signed(8),
			Log: &forms.LogPoint{Origin: "sokyso/mnhs", Size: 4321, Root: "oBtfSHETR68hwcPk+Z6kTL+NF6P0mwm27qGRGcHrknQ="}},
		forms.SignatureRegister: &forms.SignatureList{Head: head(""), Period: forms.Period{From: "2026-11-01", Until: "2026-11-30"}, Rows: signed(60)},
		forms.DeviceRegister: &forms.DeviceList{Head: head(""), AsOf: "2026-02-05", Rows: []forms.DeviceRow{{Device: device(custody.Seal), Subject: "Trường Mầm non Hoa Sen", Keeper: "Lê Minh Quân", State: "Đang sử dụng"},
			{Device: device(custody.Personal), Subject: "Trần Thị Hồng Nhung", State: "Trong tủ bảo quản"}}},
		forms.PeriodReport: &forms.Report{Head: head("BC-MNHS"), Period: forms.Period{From: "2026-07-01", Until: "2026-12-31"}, AsOf: "2027-01-05", To: "Sở Khoa học và Công nghệ tỉnh Ninh Bình\nỦy ban nhân dân xã Hoa Sen",
			States:    []forms.Count{{Name: forms.StateName(custody.Held), Personal: 3, Seal: 1}, {Name: forms.StateName(custody.InSafe), Personal: 1}},
			Expiring:  []forms.Expiry{{Subject: "Trần Thị Hồng Nhung", Serial: "5409 1234 0001", Until: "2027-03-01", Keeper: "Trần Thị Hồng Nhung"}},
			HandOvers: []forms.Count{{Name: "Bàn giao đã tiếp nhận", Personal: 2, Seal: 1}, {Name: "Nộp trả đã nhận lại"}}, Incidents: []forms.Count{{Name: forms.IncidentName(custody.Lost), Seal: 1}},
			OpenCases: []forms.OpenItem{{What: "Sự cố mất thiết bị 5409 1234 8877 chưa kết thúc", Since: "2026-11-26", Who: "Lê Minh Quân"}},
			Months:    []forms.Month{{"2026-07", 12}, {"2026-08", 45}, {"2026-09", 120}, {"2026-10", 73}, {"2026-11", 66}, {"2026-12", 0}},
			Acts:      []forms.Count{{Name: forms.ActName(custody.Approve), Personal: 180}, {Name: forms.ActName(custody.Issue), Seal: 136}}, Refused: 4, LogSize: 812, LogUntil: "2026-12-31",
			Assessment: "Các thiết bị được quản lý đúng quy định.", Needs: "01 thiết bị cho Phó Hiệu trưởng mới.", More: details()},
	}
}

func details() *forms.Details {
	d := &forms.Details{Horizon: "2027-12-31", Posts: []forms.Post{{Kind: custody.Principal, People: 1, Holders: 1}, {Kind: custody.Deputy, People: 2, Holders: 2}, {Kind: custody.OfficeHead, People: 1, Holders: 1},
		{Kind: custody.Staff, People: 5}}, ReportHours: 24, DeviceDays: 5,
		Cases: []forms.Case{
			{Kind: custody.Lost, Serial: "5409 1234 8877", DiscoveredAt: noon.Add(-time.Hour), ReportedAt: noon, Authority: forms.Met{At: noon.Add(30 * time.Hour), Due: noon.Add(23 * time.Hour), Late: true},
				RevokedAt: noon.Add(72 * time.Hour), Device: forms.Met{Due: noon.Add(240 * time.Hour)}, State: "Đang xử lý"},
			{Kind: custody.Suspected, Serial: "5409 1234 0002", DiscoveredAt: noon, ReportedAt: noon.Add(time.Hour), Authority: forms.Met{At: noon.Add(2 * time.Hour), Due: noon.Add(24 * time.Hour)}, State: "Đã tìm thấy, được dùng lại"}},
		Kinds: []forms.Count{{Name: "Kế hoạch", Personal: 100, Seal: 90}, {Name: "Thông báo", Personal: 80, Seal: 46}},
		Checks: []forms.CheckLine{
			{Kind: custody.MonthlyCheck, OpenedAt: noon.Add(-900 * time.Hour), Due: "2026-10-25", ClosedAt: noon.Add(-800 * time.Hour), Tokens: 4, Proved: 3, Seen: 1},
			{Kind: custody.PlenaryCheck, OpenedAt: noon.Add(-100 * time.Hour), Due: "2026-11-25", Late: true, Tokens: 4, Proved: 2, Excused: 1, Missing: 1}}}
	for i, n := range []int{12, 45, 120, 73, 66, 0} {
		d.ByMonth = append(d.ByMonth, forms.SignedMonth{Month: fmt.Sprintf("2026-%02d", 7+i), Acts: []int{n / 2, 0, n - n/2, 0, 0}})
	}
	return d
}
