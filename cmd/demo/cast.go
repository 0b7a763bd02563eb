package main

import "sokyso/httpapi/wire"

// member is a person of the demo's school, with what the demo needs to act for
// them. All of it is invented; the names are those printed on the sample
// documents.
type member struct {
	Role     string // key of the person in the catalogue and name of their folder
	Name     string
	Username string
	Password string
	Admin    bool
	Position wire.NewPosition
	Scopes   []wire.NewScope
	Token    *tokenSpec
}

// tokenSpec is the token that a member is given.
type tokenSpec struct {
	Label string // at most 32 bytes of UTF-8
	Kind  string // personal or seal
	PIN   string
	Key   string
}

const (
	schoolName     = "Trường Mầm non Minh Thuận"
	schoolCode     = "MNMT"
	schoolSuperior = "UBND xã Minh Thuận"
	province       = "Ninh Bình"
	schoolPlace    = "Minh Thuận" // before the date of a paper
)

// The school's people. The order is that of the story.
const (
	principal = iota
	deputyOne
	deputyTwo
	officeHead
	admin
)

func cast() []*member {
	deputyScope := func(kinds ...string) []wire.NewScope {
		return []wire.NewScope{{
			Acts: []string{wire.ActApprove, wire.ActInitial}, Kinds: kinds, Capacities: []string{"KT"},
			From: "2026-09-01", Paper: "Quyết định phân công số 90/QĐ-MNMT ngày 28/08/2026",
		}}
	}
	return []*member{
		{
			Role: "hieu-truong", Name: "Nguyễn Thị Mẫu", Username: "hieutruong", Password: "Hoa-Phuong-2026",
			Position: wire.NewPosition{Kind: "principal", Title: "Hiệu trưởng", From: "2024-08-01", Paper: "112/QĐ-UBND"},
			Token:    &tokenSpec{Label: "USB Hiệu trưởng", Kind: "personal", PIN: "246810", Key: "rsa2048"},
		},
		{
			Role: "pho-hieu-truong-1", Name: "Trần Thị Ví Dụ", Username: "phohieutruong1", Password: "Hoa-Cuc-2026",
			Position: wire.NewPosition{Kind: "deputy", Title: "Phó Hiệu trưởng", From: "2024-08-01", Paper: "113/QĐ-UBND"},
			Scopes:   deputyScope("TB", "GM", "BC"),
			Token:    &tokenSpec{Label: "USB Phó Hiệu trưởng 1", Kind: "personal", PIN: "135791", Key: "rsa2048"},
		},
		{
			Role: "pho-hieu-truong-2", Name: "Lê Thị Thí Điểm", Username: "phohieutruong2", Password: "Hoa-Mai-2026",
			Position: wire.NewPosition{Kind: "deputy", Title: "Phó Hiệu trưởng", From: "2025-08-01", Paper: "87/QĐ-UBND"},
			Scopes:   deputyScope("KH", "BB"),
			Token:    &tokenSpec{Label: "USB Phó Hiệu trưởng 2", Kind: "personal", PIN: "975310", Key: "rsa2048"},
		},
		{
			Role: "van-phong", Name: "Phạm Văn Minh Họa", Username: "vanphong", Password: "Hoa-Dao-Ngay-Tet",
			Position: wire.NewPosition{Kind: "office_head", Title: "Tổ trưởng văn phòng", From: "2023-08-01", Paper: "45/QĐ-MNMT"},
			Token:    &tokenSpec{Label: "USB dấu nhà trường", Kind: "seal", PIN: "808080", Key: "rsa2048"},
		},
		{
			Role: "quan-tri", Name: "Hoàng Thị Quản Trị", Username: "quantri", Password: "Hoa-Sen-Trang-2026", Admin: true,
			Position: wire.NewPosition{Kind: "staff", Title: "Viên chức công nghệ thông tin", From: "2025-01-01"},
		},
	}
}
