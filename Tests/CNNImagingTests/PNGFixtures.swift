// Made by make_fixtures.py in this folder. Do not edit.

let pngFixtures: [ImageFixture] = [
  ImageFixture(
    name: "grey 1", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAQAAAAAjgGnmAAAAFElEQVR42mPwYJjB8IChgaGDwQMAEvwDEb5YNugA
      AAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      AP8AAP//AAD//////wAA/wAAAAD/AAAA/wD/AAD/
      """)),
  ImageFixture(
    name: "grey 2", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAgAAAABkIBM2AAAAGklEQVR42mMQZWB408CQ28Ag28Dg5sBw+wAAJ8oF
      LYLZYv0AAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      AFVVVQD/qv8AqlWq/1WqAFX/VapVAFWqVf9Vqv//
      """)),
  ImageFixture(
    name: "grey 4", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAAAAADrYOaWAAAAIUlEQVR42mNI2HGBoZR9AcNZywMMrjcbGFb8YWDQ
      uLgAAHNxCaZgveYYAAAAAElFTkSuQmCC
      """),
    pixels: base64(
      """
      ZgC7iN13VQB3qszdM5nMRFXdmYiqiP/MACKI3RGq
      """)),
  ImageFixture(
    name: "grey 8", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAAAAAAukAuXAAAAL0lEQVR42gEkANv/AMLJ3zGOAM1bMHoUADjaqtzX
      AOBPeJ5GAOsB1qVAALhp1f9ILogQ7j7yvQYAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      wsnfMY7NWzB6FDjaqtzX4E94nkbrAdalQLhp1f9I
      """)),
  ImageFixture(
    name: "grey 16", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAAAAAB+ANfUAAAATUlEQVR42gFCAL3/AHhUNxixSqOr2DQAzhj6F/az
      5RgmiAAKzntyWFLlDMwDAGw3k1eW6eQQBkUAfV6sZ3P760nzVgDTqnbk4rESwqkNr/IeA1pPwncAAAAASUVORK5C
      YII=
      """),
    pixels: base64(
      """
      eDexo9fN+fbkJgt7WOTLbJOW4wZ9rHTq8tN24hOo
      """)),
  ImageFixture(
    name: "rgb 8", width: 5, height: 6, channels: 3,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAIAAACEmcMcAAAAa0lEQVR42gFgAJ//AEQ+rcTjNt/UUBDF03UqJQBg
      wVEIsL4tj2WAAaJDjWsAnBtdosRhBrmBpyhu4t5QAKEVz0RX94vfMsL/Ez4lQQBPEuVB68MsssYgIWARa3oAqpJ0
      OJZ01rK5kl1IcpJeAe8qsgfVs3QAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      RD6txOM239RQEMXTdSolYMFRCLC+LY9lgAGiQ41rnBtdosRhBrmBpyhu4t5QoRXPRFf3i98ywv8TPiVBTxLlQevD
      LLLGICFgEWt6qpJ0OJZ01rK5kl1IcpJe
      """)),
  ImageFixture(
    name: "rgb 16", width: 5, height: 6, channels: 3,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAIAAADUCR9fAAAAxUlEQVR42gG6AEX/ACV0HBcLPTQHaFpIpy1NUGu2
      5lAj6z2ToiNM+MDhrQDGUChVyoezUMJftnmY1Fds6u37CbCLW6+AF4+ZE7sAFrt9C4/WNnxDhCH46puBjUZHyPv1
      gUuF5fLEzstAAIaP6SAmKBZ+9wh9eGbRuu1LlKMc2NTNox/c+Bi7zACyxDAV7ElkevD2O10X8ddalWRj2/nG+YUC
      5KARzs4AsZGZ5IWCiJ9PGCSaZUOyOfDh9oQzggel/Pur5sIgv5dfXPncFsYAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      JRwLNGhILVC2UOqTI/jhxijKs8K2mFfq+rBbgI8UF32PNkMi6oFGyPVL5cTKhugmFvZ9ZrpLotjNIPe7sjDrZPA7
      GNeVY/n5A5/OsZmFiE8kZbLw9jMI/KvB
      """)),
  ImageFixture(
    name: "grey alpha 8", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAQAAACh8pzAAAAATUlEQVR42gFCAL3/ANBc3aSkYVdhtoAABQQxfpn4
      x0mDvwDicbc1dedhBMlNAHD/Y0M72TabPM4At6FsXPPCZAYgcgB1X/t6yyBfOCSP9G8dpTtaWkwAAAAASUVORK5C
      YII=
      """),
    pixels: base64(
      """
      0NDQXN3d3aSkpKRhV1dXYba2toAFBQUEMTExfpmZmfjHx8dJg4ODv+Li4nG3t7c1dXV152FhYQTJyclNcHBw/2Nj
      Y0M7OzvZNjY2mzw8PM63t7ehbGxsXPPz88JkZGQGICAgcnV1dV/7+/t6y8vLIF9fXzgkJCSP
      """)),
  ImageFixture(
    name: "grey alpha 16", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAQAAADxYkCDAAAAiUlEQVR42gF+AIH/ACQjY0Svm8qpj1aa6ktj3Hsv
      Rbt7ABbImhFAS0mhWDTIYso4QFOJ5hNBAOP39n5c5Yo+iY7GHRHXh3vX7ZyQAI5lCK3sky/RWbKsuHYckhCWzyiX
      AAOF87jPVSeDq5CCo7zZJN2zi7elAP90RrxuNyJWA94LxXLoLMK+EzEZsAk8IC75mNoAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      JCQkY6+vr8qPj4+aS0tL3C8vL7sXFxeZQEBASVhYWMjJyclAiYmJE+Pj4/ZdXV2KiYmJxRISEofX19ecjo6OCezs
      7DBZWVmsdnZ2kZaWligEBATzz8/PJ6urq4K8vLwls7Ozt/7+/kZubm4iBAQEDHJyci29vb0x
      """)),
  ImageFixture(
    name: "rgba 8", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAYAAAAL+1RLAAAAiUlEQVR42gF+AIH/AKCJVHP/9Ub0N8tYq6bYYfDh
      BRkeAKVcJxfqmQhCqEPDSaEZz72KphCbAHQIB224rywoQGIjBVwUMjdhag12AOjiI1GnBZLTyQ9GF4D2zMDAVvoh
      ACJjdlZ433droxXk7QWf/h0mHOt3APUXr6GJnSAIns7myXbqCKuDsd4pzdA5EG7kid0AAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      oIlUc//1RvQ3y1irpthh8OEFGR6lXCcX6pkIQqhDw0mhGc+9iqYQm3QIB224rywoQGIjBVwUMjdhag126OIjUacF
      ktPJD0YXgPbMwMBW+iEiY3ZWeN93a6MV5O0Fn/4dJhzrd/UXr6GJnSAIns7myXbqCKuDsd4p
      """)),
  ImageFixture(
    name: "rgba 16", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAYAAABba4gIAAABAUlEQVR42gH2AAn/AMd7Bh11sxDIPrz25mg2pU30
      HPJoFu5Zcf6MwVZrrBC9pegqjOgXRvIAclOM4X2NjrLOQX+9VnNsqct8k2F2uvd3QQF1RPVx1mSTPA5NjrRitQD3
      6Y98kxKezWh/QAGC+WY31H3ybndcphsx0pXAJ1gQtzR6DVvdJzYeAOnvI0irzPvXHFgAtEiWXad8hw70EbGj1xb1
      C+liChGDJawUd3wkRZMA1NOTjFU6zjEzB0RmI75IfWjX0xFcib722GAgdrpuzmxaLtTMzmkthQApaaB/azcyXfmX
      PlUsG353XWuFsFK4eqF27oqI6OQ2kWrCx1HojUchwQ92PZAYDMYAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      xwZ1ET72aKXz8RdZ/sFrEaUq50dyjH2OzX9WbMuTdvdBdfTWkw6OYvePkp5oQIJm1PF3pTKVJxE0Ddw26SOr+xwB
      SF18DxKjFwxiESYUfEXUk1XNM0QkSGjSXL7YILrOWtTOLSmgazL5Pix+XYVSenaK6DZqx+hH
      """)),
  ImageFixture(
    name: "palette 4", width: 5, height: 6, channels: 3,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAMAAAD51Ul4AAAAMFBMVEX/5CJ5870Gg2aoUsG7llHzzRjsCPak5yTS
      b6zSrrDa8qlyzT+gL9RPSHB43kUfX2wKBxNdAAAAIUlEQVR42mP457GBwVm9gGFb5QaGIo4LDBNkHRguPVoAAGwn
      CTujrLM1AAAAAElFTkSuQmCC
      """),
    pixels: base64(
      """
      H19seN5Fu5ZR0m+scs0/u5ZRqFLBBoNmpOckpOckcs0/7Aj2pOck0q6wcs0/pOckBoNm/+Qi0m+sT0hw0q6w/+Qi
      efO9T0hwu5ZRT0hwBoNmeN5FBoNm2vKp
      """)),
  ImageFixture(
    name: "palette with alpha 4", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAMAAAD51Ul4AAAAMFBMVEX/5CJ5870Gg2aoUsG7llHzzRjsCPak5yTS
      b6zSrrDa8qlyzT+gL9RPSHB43kUfX2wKBxNdAAAAA3RSTlMAZMhuWCD/AAAAIUlEQVR42mP457GBwVm9gGFb5QaG
      Io4LDBNkHRguPVoAAGwnCTujrLM1AAAAAElFTkSuQmCC
      """),
    pixels: base64(
      """
      H19s/3jeRf+7llH/0m+s/3LNP/+7llH/qFLB/waDZsik5yT/pOck/3LNP//sCPb/pOck/9KusP9yzT//pOck/waD
      Zsj/5CIA0m+s/09IcP/SrrD//+QiAHnzvWRPSHD/u5ZR/09IcP8Gg2bIeN5F/waDZsja8qn/
      """)),
  ImageFixture(
    name: "grey with transparent value 2", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAgAAAABkIBM2AAAAAnRSTlMAApidrBQAAAAaSURBVHjaY3BlYPB2YMhh
      YKhwYDjMwLDeAQAbkgOnTwWK5wAAAABJRU5ErkJggg==
      """),
    pixels: base64(
      """
      VVVV/wAAAP9VVVX/VVVV/wAAAP9VVVX/AAAA/6qqqgD/////VVVV/1VVVf+qqqoA/////wAAAP8AAAD/VVVV////
      //+qqqoAAAAA/1VVVf//////AAAA/wAAAP//////AAAA/6qqqgCqqqoA//////////9VVVX/
      """)),
  ImageFixture(
    name: "grey 1 interlaced", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAQAAAAFUh1lwAAAAGUlEQVR42mNgAAIHhgYgXMBwAMyaACQvAAAvWAUB
      ilr3pgAAAABJRU5ErkJggg==
      """),
    pixels: base64(
      """
      AP///wD/AAD/AP8AAP//AP8AAAAA//8A////AP8A
      """)),
  ImageFixture(
    name: "grey 2 interlaced", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAgAAAAETJyOgAAAAIElEQVR42mNgYHBgOADGexguMDxgSGBIOcDgxcDg
      dgAAWZkHQWoOz38AAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      AP9VVVVVqlUA/6r//6r/VQCqqgD/Vf+qAFUAVar/
      """)),
  ImageFixture(
    name: "grey 4 interlaced", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAAAAAGcZ9YAAAAAKElEQVR42mP4wJDAUMGwgKGA4XgCgybDb4YyBg5Z
      A4bbbAsYtrg3AACJPAjrh0VYqwAAAABJRU5ErkJggg==
      """),
    pixels: base64(
      """
      /yKqmWYAiBHdM8z/d7tm3bsAZqp3d3dmiLtERHeI
      """)),
  ImageFixture(
    name: "grey 8 interlaced", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAAAAAFZlzsBAAAAM0lEQVR42mOoZZjFcEaDYTuDHMMPdncGpxSG7EqG
      e0YMHWc0NNwYzrAu4exnkGJLKVUGAP2TC9RG8A6+AAAAAElFTkSuQmCC
      """),
    pixels: base64(
      """
      fUK3ZJqIzCgoRvhrB3lHzAWkCY/M3h4yKBoGZHUj
      """)),
  ImageFixture(
    name: "grey 16 interlaced", width: 5, height: 6, channels: 1,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAAAAAEJB+dCAAAAU0lEQVR42gFIALf/ANbfAIoaABx0StIAypwAZqAA
      pOj/Ip7rAI5UktoAbFXq4ADqYChBACGwZCO3Tz7ojnkA2x3LaTiRPgAqpQDB2FtGUAGUwVx2Wl8ec7ls/wgAAAAA
      SUVORK5CYII=
      """),
    pixels: base64(
      """
      1o7KkooiZLc/jqRs/uqe2ss4Pioc6WYoS8FbUJRc
      """)),
  ImageFixture(
    name: "rgb 8 interlaced", width: 5, height: 6, channels: 3,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAIAAAHznvOKAAAAcUlEQVR42gFmAJn/AGuNWQDnSR4ASwWTkjUbANAp
      iQDaiK0AV0V6teOgrxhNAO2yALg+ZACgVs3nbucAKp9PXGrhAPZkQ+22t/YTw5q1lbm5zgBgvnRb5PdrPUNBBZFJ
      oMcAj9LHDe2z3/wiDMr4rNprzwQwwZiThbEAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      a41Z7bIA0CmJuD5k50ke9mRD7ba39hPDmrWVubnOV0V6oFbNteOg527nrxhNYL50W+T3az1DQQWRSaDHSwWTKp9P
      2oitXGrhkjUbj9LHDe2z3/wiDMr4rNpr
      """)),
  ImageFixture(
    name: "rgb 16 interlaced", width: 5, height: 6, channels: 3,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAIAAAGjDi/JAAAAy0lEQVR42gHAAD//AOW6BosZOACyKL8AnqAAniGb
      XQbcleb+DckGAE8vFYHrqwCslVOSraAA9QnjQtFuLnJ8I2v2K6AjVly1ACsATMG/3FAJ7jBBVQC7vZ6FaG14rC/V
      3ycAuoIRMCFy8dhSP/dNAFvrpHgWUVyZXtXcyVOrK4a3jnntUfPYGLGQThOJ4QBsmh5DiO8702+sIbqZGKnlf7Q6
      Qmnn2q+v0g5SVE4ACuJVZ9OWx7fvbtin5uUCQ7cGP52s9c2GuDjgKJMra3VbAaoBAc4AAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      5QcZK0y/TxXrUO1Bsb6eXKQWXF7cUyu3eVLXsU6J9OLRu55oLnxseDDeKyNcbB6IPG8imKl/Omnarw5UnpsHuhEh
      rFOt8VL2lf3IC1XTx+7Y5gK2P6zNuN+T
      """)),
  ImageFixture(
    name: "grey alpha 8 interlaced", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAQAAAHW9axWAAAAU0lEQVR42gFIALf/AG/JAP3oAIaGFG8A+TkAin8A
      aFtWLEYTADeAsBgAzDZJEgCCihk0AJDBki1t0kRMv6IAkREBFynVsIRaIACX3mZi+YFh7qI7pXAbRGb01ugAAAAA
      SUVORK5CYII=
      """),
    pixels: base64(
      """
      b29vyTc3N4D5+fk5sLCwGP39/eiQkJDBkpKSLW1tbdJERERMv7+/omhoaFvMzMw2VlZWLElJSRJGRkYTkZGREQEB
      ARcpKSnVsLCwhFpaWiCGhoaGgoKCioqKin8ZGRk0FBQUb5eXl95mZmZi+fn5gWFhYe6ioqI7
      """)),
  ImageFixture(
    name: "grey alpha 16 interlaced", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAQAAAGGZXAVAAAAj0lEQVR42gGEAHv/ANRTuboAlmGK2AAJX7B4Zx08
      kwCKrsmQABtTWfIApSu7aDZ85QxlnvyWACWze91qA1wTAJ6J1JZhI0WbANunN+ZA32JdAI9EXkczYd274R7qMRHv
      ob9SbvskACg8Y/LZnH9JL2wuKfJv0ky9GlY+APjsCPm5psUsbfbzSv6IOesy7imj+rA9BGCLIeUAAAAASUVORK5C
      YII=
      """),
    pixels: base64(
      """
      09PTuSYmJnuKiorJampqXJaWloqPj49eMzMz3eDg4OkSEhKhUlJS+qWlpbuenp7UNjY25GFhYUVlZWX8KCgoZNnZ
      2X8vLy8u8fHx0by8vFYJCQmw29vbOBsbG1pBQUFiZ2dnPPj4+Am5ubnEbm5u8v7+/jozMzMp
      """)),
  ImageFixture(
    name: "rgba 8 interlaced", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAYAAAF8/GTdAAAAj0lEQVR42gGEAHv/ABpYOBUAZ+8elgDSHauGRW8+
      zgBGj4XnAAb6HF4AjDOVSQQ45JkHlM/QAIqm0l6C3BbrAFOb7tZJh/lxAO/M1+RBQBkcAI2APgkjGpiGaNtgbg4A
      8jYuwtUoALQ3e3+6GRmDEcp6/zt540s/lKFfAAY8+NnitoYzzaHi0eXuASmR0t7GOHU7lV8CIx0AAAAASUVORK5C
      YII=
      """),
    pixels: base64(
      """
      Glg4FYqm0l5Gj4XngtwW62fvHpaNgD4JIxqYhmjbYG4OAPI2LsLVKIwzlUlTm+7WBDjkmUmH+XEHlM/QtDd7f7oZ
      GYMRynr/O3njSz+UoV/SHauG78zX5Ab6HF5BQBkcRW8+zgY8+NnitoYzzaHi0eXuASmR0t7G
      """)),
  ImageFixture(
    name: "rgba 16 interlaced", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGEAYAAAEsbLieAAABB0lEQVR42gH8AAP/AOIRPmTUR0tpAM4HW65+c4tC
      ACeUC304/95S5FJMKgrkYyEAYEhJ+r2ZuFIA5OLLGIAAUY0AEwGm4vG08iyaJjpl6RLFinVUJXfrRdyXAAwX9QOR
      ClytXgkiBlJbe7AAZyPN57BhSQKowrSD7s/dFQD1TlVvr6dRmCOHvQmSmV6NACUsmm5tqqPevfpusVxq4w7AldXu
      uczu8N+tcibv+LrmxaNuQmXfR14AliZuwDSbRfnusVfeLtz+VuKE9L6OiBVw69dQsMl/uDb8CAkL9d4JMgCBmisE
      OcUTM/Yk3wd8ON5O5cV1+NSisDnA+9zWQ1VkBosttjmqS8E6aPd6kHmJZHQAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      4T7TSwz0kFxgSr24XiJSe81bfoslmm2jvW5c4sDVue7fcu+6xW5lRxOm8fFnzbBJmjroxai07tx1Jerclm40Ru5Y
      L/3i9I4V61DJt/sJ9QknCznd9FWvUeTKgFEjvJJe40wLY4ErOhP13nzd5XbUsMDcQ2SLtqrA
      """)),
  ImageFixture(
    name: "palette 4 interlaced", width: 5, height: 6, channels: 3,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAMAAAGO0nnuAAAAMFBMVEX/5CJ5870Gg2aoUsG7llHzzRjsCPak5yTS
      b6zSrrDa8qlyzT+gL9RPSHB43kUfX2wKBxNdAAAAKElEQVR42mPYwPCB4T5DAEMCw+oEBiGGOwyFDCc2KjBEBAsw
      dE6aAACWTwmZKnBMpwAAAABJRU5ErkJggg==
      """),
    pixels: base64(
      """
      cs0/efO9880YBoNmH19soC/U0m+scs0/efO9BoNm2vKpT0hwcs0/oC/U7Aj2880Y0m+s880YqFLBefO9T0hwpOck
      7Aj2efO9H19s0m+s0q6w0q6wBoNm0q6w
      """)),
  ImageFixture(
    name: "palette with alpha 4 interlaced", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAMAAAGO0nnuAAAAMFBMVEX/5CJ5870Gg2aoUsG7llHzzRjsCPak5yTS
      b6zSrrDa8qlyzT+gL9RPSHB43kUfX2wKBxNdAAAAA3RSTlMAZMhuWCD/AAAAKElEQVR42mPYwPCB4T5DAEMCw+oE
      BiGGOwyFDCc2KjBEBAswdE6aAACWTwmZKnBMpwAAAABJRU5ErkJggg==
      """),
    pixels: base64(
      """
      cs0//3nzvWTzzRj/BoNmyB9fbP+gL9T/0m+s/3LNP/95871kBoNmyNryqf9PSHD/cs0//6Av1P/sCPb/880Y/9Jv
      rP/zzRj/qFLB/3nzvWRPSHD/pOck/+wI9v95871kH19s/9JvrP/SrrD/0q6w/waDZsjSrrD/
      """)),
  ImageFixture(
    name: "grey with transparent value 2 interlaced", width: 5, height: 6, channels: 4,
    file: base64(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGAgAAAAETJyOgAAAAAnRSTlMAApidrBQAAAAhSURBVHjaY2hgOMDQAIQO
      DE8YFIDsCwyXGxjONDDMZQAAawkIUX3YDtUAAAAASUVORK5CYII=
      """),
    pixels: base64(
      """
      qqqqAAAAAP+qqqoAqqqqAP//////////VVVV/wAAAP//////qqqqAP//////////qqqqAAAAAP9VVVX//////wAA
      AP//////AAAA/6qqqgCqqqoA/////1VVVf9VVVX/AAAA/6qqqgBVVVX//////1VVVf8AAAD/
      """)),
]
