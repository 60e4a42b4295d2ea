// Made by make_fixtures.py in this folder. Do not edit.

import CNNImaging

let resizeFixtures: [ResizeFixture] = [
  ResizeFixture(
    filter: .nearest, from: (13, 11, 3), to: (5, 4),
    pixels: base64(
      """
      qienw1HiJs13ayzvGOm9G+Cn4reQybipk5um7QYh6okrz38yZC35276jVEc95cy1eG9qkaK1jbfks+4r
      """)),
  ResizeFixture(
    filter: .nearest, from: (7, 5, 1), to: (10, 8),
    pixels: base64(
      """
      AAcHEh8fL0JCVwAHBxIfHy9CQldwi4upysrtFBQ9aZiYyf7+NW9vrGmYmMn+/jVvb6zrLi5zu7sGU1Ok901NpgEB
      YMHBJfdNTaYBAWDBwSU=
      """)),
  ResizeFixture(
    filter: .nearest, from: (6, 7, 4), to: (4, 9),
    pixels: base64(
      """
      AAcSH4upyu0UPWmYrOsuc7sGU6RgwSWM9WLRQ6cqrzi7BlOkYMEljPVi0UOnKq84w1HidYEmzXck04Y777V+SRjp
      vZTw18Kvn5KHgISNmai5zuX/q9YDNGed1hFlsgFTqP9at7MhkgV89XHwlCO2S6j/WrezIZIFfPVx8JQjtkvjfhu8
      CLltJN2aWRsP4reQ
      """)),
  ResizeFixture(
    filter: .nearest, from: (40, 3, 3), to: (3, 3),
    pixels: base64(
      """
      NW+sJNOG/xw7fQeUjIuOlwRzRR/8dMMWr2wr
      """)),
  ResizeFixture(
    filter: .nearest, from: (5, 37, 1), to: (5, 6),
    pixels: base64(
      """
      mMn+NW8qrzjDUZRtSikL1gM0Z53wcfZ9B+K3kGtJ
      """)),
  ResizeFixture(
    filter: .nearest, from: (9, 9, 3), to: (1, 1),
    pixels: base64(
      """
      qP9a
      """)),
  ResizeFixture(
    filter: .box, from: (13, 11, 3), to: (5, 4),
    pixels: base64(
      """
      WmZ0fWWlgZqZinGFj2CKk3RYiIxoeaGTm3R7nX5gdnZOo458eHili6B4cG9GeXyfe6JLl2+fYoiGnIJq
      """)),
  ResizeFixture(
    filter: .box, from: (7, 5, 1), to: (10, 8),
    pixels: base64(
      """
      AAcHEh8fL0JCVwAHBxIfHy9CQldwi4upysrtFBQ9aZiYyf7+NW9vrGmYmMn+/jVvb6zrLi5zu7sGU1Ok901NpgEB
      YMHBJfdNTaYBAWDBwSU=
      """)),
  ResizeFixture(
    filter: .box, from: (6, 7, 4), to: (4, 9),
    pixels: base64(
      """
      JjVGSIqoyu1gjlOErOsuc7sGUlNgwSSM3VHFNagorTi7BlJTYMEkjN1RxTWoKK04Sod4q4AmzXd6xHo07bV9SR/b
      slDw18GvjISAf4SNmaiEm7fBq9cENFiQ0hdlsgBTf9l/gMwzmQV79HF8lSK3S3/Zf4DMM5kFe/RxfJUit0u3WEuL
      B7hqJN2kay0O4raQ
      """)),
  ResizeFixture(
    filter: .box, from: (40, 3, 3), to: (3, 3),
    pixels: base64(
      """
      g1qEXIeRnGqJpHxYg5F9go1zf21xhYd6mmuN
      """)),
  ResizeFixture(
    filter: .box, from: (5, 37, 1), to: (5, 6),
    pixels: base64(
      """
      ZI5mbHSkd06oWY6LaJCXiWd1hJafUomXUo6Vn4Fm
      """)),
  ResizeFixture(
    filter: .box, from: (9, 9, 3), to: (1, 1),
    pixels: base64(
      """
      hnx7
      """)),
  ResizeFixture(
    filter: .bilinear, from: (13, 11, 3), to: (5, 4),
    pixels: base64(
      """
      a2Z2eniacJeXinF+i2p/j4Vth4RwhpaVmHh4m2higXxak5F7cnScloN5gHlodYGPfox5iXuPd4h1k4tp
      """)),
  ResizeFixture(
    filter: .bilinear, from: (7, 5, 1), to: (10, 8),
    pixels: base64(
      """
      AAQKERolMD1LVzE6RlNicn5DO0xwf5SqwdTXSyxEa4Kfvd3BbVpriZKDhKzUpSpXhKrjg0V1p4ANQnil8pBTjGhJ
      PXt5XfeaY6I7ImWpeyU=
      """)),
  ResizeFixture(
    filter: .bilinear, from: (6, 7, 4), to: (4, 9),
    pixels: base64(
      """
      ITJCPW2KqrpWf26UtfExcpcRUFltoHF3i3iGXbOTa0eISHJ/U45jcZuDl0DQb5Q3Vo2RkF5/jIx9m45NwKGCUhzi
      uGHiybVzoJSNhIGGkJiGscO4gZNiU4ycljFvm1BSkMafq1aYbz576nVXfW9qN6G4X5BMlZ41hOtuaGSIrEfFYzuX
      Q1GQNcWfZig61Kdy
      """)),
  ResizeFixture(
    filter: .bilinear, from: (40, 3, 3), to: (3, 3),
    pixels: base64(
      """
      gWOFboiSkmyOl4Bfjo11gIlzfnKCgIFvmmiO
      """)),
  ResizeFixture(
    filter: .bilinear, from: (5, 37, 1), to: (5, 6),
    pixels: base64(
      """
      eJBrcm+Lg1ajcpiHY5qQjWZziZGZaZCHTJOCl4Vm
      """)),
  ResizeFixture(
    filter: .bilinear, from: (9, 9, 3), to: (1, 1),
    pixels: base64(
      """
      iX17
      """)),
  ResizeFixture(
    filter: .bicubic, from: (13, 11, 3), to: (5, 4),
    pixels: base64(
      """
      ZWN0enigcpmai258jWWBl4Rrh4Rsg5+XmnZ5nGlegXlQlpN/bHGhm4N4entocn+XfZB2kHeVcopzmIlm
      """)),
  ResizeFixture(
    filter: .bicubic, from: (7, 5, 1), to: (10, 8),
    pixels: base64(
      """
      AAAABg4WIz1RWiwzPktYcII8M0hwf5esxeTmPxxCYYKsyfjTbVVukYx/hK/zsRVPk7vwgTBxuokDN3+t/49AjWI6
      PIV9U/+ZWqspB2zDfhI=
      """)),
  ResizeFixture(
    filter: .bicubic, from: (6, 7, 4), to: (4, 9),
    pixels: base64(
      """
      ABgiNG6KsslPfGqXwP8ocqUAQ1Nrsml0kXOLXbKMbkOTQXGFPpRObsCHtjHiT6QtUJGPlVR3jJp9p5BDz6Z9UQrj
      t13zz7lxnZCJhn6Fj5mIrcvGdYVCUKGIwx5opUBTkculti96WTZ3/3RciD5XKaC9VpEvfMMrifRpd2JxvEHIXTie
      Hz+kMP+MTx022ad6
      """)),
  ResizeFixture(
    filter: .bicubic, from: (40, 3, 3), to: (3, 3),
    pixels: base64(
      """
      gmCDbouUkmuOmYBcjYx2f4p0fHGAfoJwnWeP
      """)),
  ResizeFixture(
    filter: .bicubic, from: (5, 37, 1), to: (5, 6),
    pixels: base64(
      """
      c49rcW6OglSmbpuJY5uXi2Z1h5SZZo6HRZOFmINn
      """)),
  ResizeFixture(
    filter: .bicubic, from: (9, 9, 3), to: (1, 1),
    pixels: base64(
      """
      iH57
      """)),
  ResizeFixture(
    filter: .lanczos3, from: (13, 11, 3), to: (5, 4),
    pixels: base64(
      """
      ZV92e3uic5acim13kGN/noNriIZqfaaWnXN6m2xdg3hHl5WCZW2loIJ3eIBtb36cfJJ4lXGYb4xumYlk
      """)),
  ResizeFixture(
    filter: .lanczos3, from: (7, 5, 1), to: (10, 8),
    pixels: base64(
      """
      AAAAAgwOGDxYXS4xOkZOc4U7KkdygZyywvPoQBRKYYa91vzeelJwjop7eKX/rgA3psj2hSBszooAJYqy/48yiGYt
      QYp8S/qUXrAsAHXaewY=
      """)),
  ResizeFixture(
    filter: .lanczos3, from: (6, 7, 4), to: (4, 9),
    pixels: base64(
      """
      ABYFLmmDs9JRgm6Zyv8db7IAOkZ0t3JykXSFaayOaUSbRXOQIpU4aPdx1CT/D8EhQZiJk1V6kaWIop5Fzax1VwDk
      tlj/zrtunpWKjHqCjZaHqczIf4IzSs1/9RpcpUhbj8yrwAlpPjV4/3hZpgkxGqC6TYozguItj/Zhe2J9zEHJWTuj
      ADi1Lf+FGBU21qZ/
      """)),
  ResizeFixture(
    filter: .lanczos3, from: (40, 3, 3), to: (3, 3),
    pixels: base64(
      """
      gl6BcI2UkGyPmoFcjYt0f4p1e3GAfYFxn2iO
      """)),
  ResizeFixture(
    filter: .lanczos3, from: (5, 37, 1), to: (5, 6),
    pixels: base64(
      """
      co1ucGyQg1OobZuIYZqdi2d6iZSZZ4qFP5ODmYJq
      """)),
  ResizeFixture(
    filter: .lanczos3, from: (9, 9, 3), to: (1, 1),
    pixels: base64(
      """
      iH17
      """)),
]
